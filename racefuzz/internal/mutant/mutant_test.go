package mutant

// Proves that each mutant is a protocol which a lone server can live with on
// the real system: what is wrong with it shows only in company, or when a call
// fails.

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

func TestEveryMutantServesALoneServer(t *testing.T) {
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			switch {
			case p.Name == "locks-the-content" && runtime.GOOS != "windows":
				t.Skip("locks on bytes exist on Windows alone")
			case p.Rules == "windows" && runtime.GOOS == "windows":
				t.Skip("fails without company there")
			}
			path := filepath.Join(t.TempDir(), "server.pid")
			h, err := p.Acquire(OS{}, path)
			if err != nil {
				t.Fatalf("acquire: %v", err)
			}
			if got, _ := os.ReadFile(path); string(got) != strconv.Itoa(os.Getpid())+"\n" {
				t.Errorf("the file holds %q, not this process's id", got)
			}
			if _, err := p.Probe(OS{}, path); err != nil {
				t.Errorf("probe: %v", err)
			}
			if err := h.Check(); err != nil {
				t.Errorf("check: %v", err)
			}
			if err := h.Release(); err != nil {
				t.Errorf("release: %v", err)
			}
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("after release: %v, want no file", err)
			}
		})
	}
}

func TestEveryMutantSaysWhatIsWrongAndWhoHadIt(t *testing.T) {
	seen := map[string]bool{Shipped: true}
	for _, p := range All() {
		if seen[p.Name] {
			t.Errorf("%s: the name is taken", p.Name)
		}
		seen[p.Name] = true
		if p.Bug == "" || p.Source == "" || len(p.Breaks) == 0 || p.Tiers == "" {
			t.Errorf("%s: incomplete: %+v", p.Name, p)
		}
		if _, ok := Lookup(p.Name); !ok {
			t.Errorf("%s: cannot be looked up", p.Name)
		}
	}
}
