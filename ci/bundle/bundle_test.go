package main

// A bundle has the program where its manifest says, and server.json the
// bundles with their checksums.

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestBundles(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	for name, content := range map[string]string{
		"memlatch-v1.2.3-linux-amd64": "for linux", "memlatch-v1.2.3-windows-arm64.exe": "for windows", "racefuzz-v1.2.3-linux-amd64": "no server",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(dir, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	var server struct {
		Version  string
		Packages []struct{ Identifier, FileSHA256 string }
	}
	read(t, filepath.Join(dir, "server.json"), &server)
	if server.Version != "1.2.3" || len(server.Packages) != 2 {
		t.Fatalf("%+v", server)
	}
	for i, want := range []struct{ platform, content string }{{"linux", "for linux"}, {"win32", "for windows"}} {
		p := server.Packages[i]
		if !strings.HasPrefix(p.Identifier, repository+"/releases/download/v1.2.3/") {
			t.Error(p.Identifier)
		}
		file := filepath.Join(dir, path.Base(p.Identifier))
		bundle, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(bundle); hex.EncodeToString(sum[:]) != p.FileSHA256 {
			t.Errorf("%s has another checksum", p.Identifier)
		}
		z, err := zip.OpenReader(file)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		var m struct {
			Version string
			Server  struct {
				EntryPoint string `json:"entry_point"`
			}
			Compatibility struct{ Platforms []string }
		}
		if err := json.Unmarshal(unzip(t, z, "manifest.json"), &m); err != nil {
			t.Fatal(err)
		}
		if m.Version != "1.2.3" || m.Compatibility.Platforms[0] != want.platform || string(unzip(t, z, m.Server.EntryPoint)) != want.content {
			t.Errorf("%s: %+v", p.Identifier, m)
		}
		if info, err := z.Open(m.Server.EntryPoint); err != nil {
			t.Error(err)
		} else if stat, _ := info.Stat(); stat.Mode().Perm() != 0o755 {
			t.Errorf("the program has mode %v", stat.Mode())
		}
	}
	if run(dir, "v9") == nil {
		t.Error("bundled what is not there")
	}
}

func unzip(t *testing.T, z *zip.ReadCloser, name string) []byte {
	t.Helper()
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}
