//go:build amd64 || arm64

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/memlatch/memlatch/ci/host"
)

// aftermath tries whether everything still works in s: the next server starts
// and is recorded, has what l says and takes more, and leaves as it should;
// the database is sound; and the next uninstall leaves nothing.
func aftermath(ctx context.Context, s scene, l *ledger) error {
	session, err := s.open(ctx)
	if err != nil {
		return fmt.Errorf("the next start: %w", err)
	}
	err = errors.Join(s.awaitRecorded(session.PID()), inspect(ctx, session, l))
	limited, cancel := context.WithTimeout(ctx, shutdown)
	defer cancel()
	if err := errors.Join(err, session.Close(limited)); err != nil {
		return fmt.Errorf("the next server: %w", err)
	}
	if err := s.nothingIn(runtimePart); err != nil {
		return err
	}
	if err := s.quickCheck(ctx); err != nil {
		return err
	}
	return removed(ctx, s)
}

// inspect compares what a server has with l, and adds to it.
func inspect(ctx context.Context, session *host.Session, l *ledger) error {
	var page struct{ Memories []struct{ Text string } }
	if err := session.Call(ctx, "mem_list", map[string]any{}, &page); err != nil {
		return err
	}
	texts := make([]string, len(page.Memories))
	for i, m := range page.Memories {
		texts[i] = m.Text
	}
	if err := l.check(texts); err != nil {
		return err
	}
	for _, text := range l.all() {
		var found struct{ Memories []struct{} }
		if err := session.Call(ctx, "mem_search", map[string]any{"query": word(text)}, &found); err != nil {
			return err
		}
		if there := slices.Contains(texts, text); there != (len(found.Memories) == 1) {
			return fmt.Errorf("%q: listed: %t, found by a search: %d", text, there, len(found.Memories))
		}
	}
	return session.Call(ctx, "mem_add", map[string]any{"text": "note afterwards"}, nil)
}

// removed uninstalls and makes sure that nothing is left.
func removed(ctx context.Context, s scene) error {
	code, said, err := s.uninstall(ctx)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d: %s", code, said)
	}
	if err != nil {
		return fmt.Errorf("the next uninstall: %w", err)
	}
	return errors.Join(s.nothingIn(homePart), s.nothingIn(runtimePart))
}
