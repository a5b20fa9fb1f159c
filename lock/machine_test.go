package lock

// Proves that any sequence of starts, stops, crashes, probes and accidents in
// one directory comes out as a plain description of the pid file says.

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// described is what there is to know about a pid file.
type described struct {
	content string
	held    bool
}

// machine plays several servers with as many open files of this process.
type machine struct {
	path    string
	removes bool // names of open files go at once
	named   *described
	servers [3]struct {
		p    *PIDFile
		file *described // the one it holds, which may have lost its name
	}
}

func TestPIDFileIsAsDescribed(t *testing.T) {
	home := t.TempDir()
	removes := removesOpenFiles(t)
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(home, "")
		if err != nil {
			t.Fatal(err)
		}
		m := &machine{path: filepath.Join(dir, "server.pid"), removes: removes}
		t.Repeat(map[string]func(*rapid.T){
			"start":   m.start,
			"stop":    m.stop,
			"crash":   m.crash,
			"check":   m.check,
			"probe":   m.probe,
			"residue": m.residue,
			"remove":  m.remove,
			"replace": m.replace,
			"":        m.look,
		})
		for i := range m.servers {
			m.servers[i].p.end()
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	})
}

func (p *PIDFile) end() {
	if p != nil {
		p.Release()
	}
}

// removesOpenFiles reports whether a name goes while its file is open.
func removesOpenFiles(t *testing.T) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe")
	p, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	if err := (OS{}).Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Log("without removal of open files: their names stay until they are closed")
		return false
	}
	return true
}

func (m *machine) server(t *rapid.T, running bool) int {
	i := rapid.IntRange(0, len(m.servers)-1).Draw(t, "server")
	if running != (m.servers[i].p != nil) {
		t.Skip("it does not, or it does already")
	}
	return i
}

func (m *machine) start(t *rapid.T) {
	s := &m.servers[m.server(t, false)]
	p, err := Acquire(m.path)
	if m.named != nil && m.named.held {
		var held *HeldError
		if !errors.As(err, &held) || held.PID != os.Getpid() {
			t.Fatalf("start beside a holder: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	if m.named == nil {
		m.named = &described{}
	}
	*m.named = described{content: ownLine, held: true}
	s.p, s.file = p, m.named
}

func (m *machine) stop(t *rapid.T) {
	s := &m.servers[m.server(t, true)]
	if err := s.p.Release(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	if s.file == m.named {
		m.named = nil
	}
	s.p, s.file = nil, nil
}

// crash does what the system does for a process that is killed.
func (m *machine) crash(t *rapid.T) {
	s := &m.servers[m.server(t, true)]
	if err := s.p.file.Close(); err != nil {
		t.Fatal(err)
	}
	s.file.held = false
	s.p, s.file = nil, nil
}

func (m *machine) check(t *rapid.T) {
	s := &m.servers[m.server(t, true)]
	err := s.p.Check()
	if lost := s.file != m.named; lost != errors.Is(err, ErrLost) || !lost && err != nil {
		t.Fatalf("check: %v, and lost is %v", err, lost)
	}
}

func (m *machine) probe(t *rapid.T) {
	want := Status{}
	if m.named != nil {
		want.State = Stale
		if m.named.held {
			want.State = Held
		}
		if m.named.content == ownLine {
			want.PID = os.Getpid()
		}
	}
	if got, err := Probe(m.path); err != nil || got != want {
		t.Fatalf("probe: %v, %v, want %v", got, err, want)
	}
}

// residue is what the server of another time, or another program, left.
func (m *machine) residue(t *rapid.T) {
	if m.named != nil {
		t.Skip("there is a file")
	}
	text := rapid.SampledFrom([]string{"", "9999999999\n", "x"}).Draw(t, "text")
	if err := os.WriteFile(m.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m.named = &described{content: text}
}

func (m *machine) remove(t *rapid.T) {
	if m.named == nil || m.named.held && !m.removes {
		t.Skip("nothing to remove")
	}
	if err := (OS{}).Remove(m.path); err != nil {
		t.Fatal(err)
	}
	m.named = nil
}

// replace is what editors do: a new file takes the name.
func (m *machine) replace(t *rapid.T) {
	m.remove(t)
	m.residue(t)
}

func (m *machine) look(t *rapid.T) {
	text, err := os.ReadFile(m.path)
	switch {
	case m.named == nil && !os.IsNotExist(err):
		t.Fatalf("there is a file with %q, %v, want none", text, err)
	case m.named != nil && (err != nil || string(text) != m.named.content):
		t.Fatalf("content %q, %v, want %q", text, err, m.named.content)
	}
}
