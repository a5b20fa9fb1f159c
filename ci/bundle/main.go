// Bundle makes of each memlatch program in a folder the bundle (.mcpb) that
// desktop hosts install with a click, and the server.json that the MCP
// registry wants of all of them. ci/dist runs it.
package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	repository  = "https://github.com/memlatch/memlatch"
	description = "A memory that all your assistants share, in one local store that survives crashes"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: bundle FOLDER VERSION")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "bundle: error:", err)
		os.Exit(1)
	}
}

// run bundles the programs dir/memlatch-VERSION-SYSTEM-MACHINE[.exe].
func run(dir, version string) error {
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	programs, err := filepath.Glob(filepath.Join(dir, "memlatch-"+version+"-*"))
	if err != nil || len(programs) == 0 {
		return fmt.Errorf("there is no memlatch-%s in %s", version, dir)
	}
	var packages []any
	for _, path := range programs {
		program, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, exe := strings.CutSuffix(filepath.Base(path), ".exe")
		system, _, _ := strings.Cut(strings.TrimPrefix(name, "memlatch-"+version+"-"), "-")
		inside := "server/memlatch"
		if exe {
			inside += ".exe"
		}
		bundle, err := pack([]file{
			{"manifest.json", 0o644, marshal(manifest(semantic(version), system, inside))},
			{inside, 0o755, program},
			{"LICENSE", 0o644, license},
		})
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".mcpb"), bundle, 0o644)
		}
		if err != nil {
			return err
		}
		sum := sha256.Sum256(bundle)
		packages = append(packages, object{
			"registryType": "mcpb",
			"identifier":   repository + "/releases/download/" + version + "/" + name + ".mcpb",
			"fileSha256":   hex.EncodeToString(sum[:]),
			"transport":    object{"type": "stdio"},
		})
	}
	return os.WriteFile(filepath.Join(dir, "server.json"), marshal(object{
		"$schema":     "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
		"name":        "io.github.memlatch/memlatch",
		"title":       "Memlatch",
		"description": description,
		"version":     semantic(version),
		"repository":  object{"url": repository, "source": "github"},
		"packages":    packages,
	}), 0o644)
}

type object = map[string]any

// manifest is a bundle's own description.
func manifest(version, system, program string) object {
	return object{
		"manifest_version": "0.3",
		"name":             "memlatch",
		"display_name":     "Memlatch",
		"version":          version,
		"description":      description,
		"author":           object{"name": "memlatch", "url": repository},
		"repository":       object{"type": "git", "url": repository},
		"license":          "MIT",
		"tools_generated":  true,
		"server": object{
			"type":        "binary",
			"entry_point": program,
			"mcp_config":  object{"command": "${__dirname}/" + program, "args": []string{}},
		},
		"compatibility": object{"platforms": []string{strings.ReplaceAll(system, "windows", "win32")}},
	}
}

// semantic makes what git describes a semantic version: a tag without its v,
// or else a version before all others.
func semantic(version string) string {
	if v, ok := strings.CutPrefix(version, "v"); ok {
		return v
	}
	return "0.0.0-" + version
}

type file struct {
	name    string
	mode    os.FileMode
	content []byte
}

// pack makes a zip that depends on nothing but files.
func pack(files []file) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		header.SetMode(f.mode)
		w, err := z.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

func marshal(v object) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // nothing in it can fail
	}
	return append(b, '\n')
}
