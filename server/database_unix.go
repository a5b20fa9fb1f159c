//go:build unix

package main

import "context"

// awaitRename has nothing to wait for: a file can be opened at any time.
func awaitRename(context.Context, string) {}
