package content

// Proves that states are compared by structure: what counts in each format,
// that broken, torn, huge and binary files are told and never crash the
// comparison, and which names a glob leaves out.

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// texts makes a state of regular files.
func texts(namesAndTexts ...string) State {
	s := State{}
	for i := 0; i < len(namesAndTexts); i += 2 {
		s[namesAndTexts[i]] = File{Data: []byte(namesAndTexts[i+1]), Perm: 0o644}
	}
	return s
}

// repeated is an order that leaves the same twice.
func repeated(order string, s State) Serial { return twice(order, s, s) }

func twice(order string, first, again State) Serial {
	return Serial{Order: strings.Fields(order), First: first, Again: again}
}

func nobody(string) bool { return false }

func learn(t *testing.T, serials ...Serial) *Rules {
	t.Helper()
	r, err := Learn(serials, nobody, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFilesAreComparedByStructure(t *testing.T) {
	for _, c := range []struct {
		name, file, a, b string
		equal            bool
	}{
		{"keys of JSON in another order", "c.json", `{"a":1,"b":{"c":[1,2]}}`, "{ \"b\": {\"c\": [1, 2]},\n \"a\": 1 }", true},
		{"a value of JSON", "c.json", `{"a":1}`, `{"a":2}`, false},
		{"a string is no number", "c.json", `{"a":1}`, `{"a":"1"}`, false},
		{"an array of JSON in another order", "c.json", `{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{"an empty object", "c.json", `{"a":{}}`, `{}`, false},
		{"an empty array", "c.json", `{"a":[]}`, `{"a":{}}`, false},
		{"a big number keeps its digits", "c.json", `{"a":12345678901234567890}`, `{"a":12345678901234567891}`, false},
		{"JSON without an ending", "settings", `{"a": 1, "b": 2}`, `{"b":2,"a":1}`, true},
		{"JSON with comments", "c.json", "{\"a\":1, // one\n}", `{"a":1}`, true},
		{"keys of TOML in another order", "c.toml", "a = 1\nb = 2\n", "b = 2\na = 1\n", true},
		{"a table of TOML", "c.toml", "[s.a]\nx = 1\n", "[s.b]\nx = 1\n", false},
		{"keys of YAML in another order", "c.yaml", "a: 1\nb: [x]\n", "b:\n- x\na: 1\n", true},
		{"YAML without an ending", "config", "kind: Config\na: 1\n", "a: 1\nkind: Config\n", true},
		{"a second document of YAML", "c.yaml", "a: 1\n---\na: 2\n", "a: 1\n---\na: 3\n", false},
		{"keys of INI in another order", "c.ini", "[s]\na=1\nb = 2\n", "[s]\nb=2\na=1\n", true},
		{"INI without an ending", ".gitconfig2", "[user]\n\tname = x\n[core]\n", "[core]\n[user]\nname=x\n", true},
		{"the section of a key of INI", "c.ini", "[s]\na=1\n", "[t]\na=1\n", false},
		{"a key of INI given twice", "c.ini", "[s]\na=1\na=2\n", "[s]\na=1\n", false},
		{"lines in another order", "log", "a\nb\n", "b\na\n", false},
		{"a line end", "log", "a\n", "a", false},
		{"bytes", "x.bin", "a\x00b", "a\x00c", false},
		{"the same bytes", "x.bin", "a\x00b", "a\x00b", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := learn(t, repeated("a", texts(c.file, c.a)), repeated("b", texts(c.file, c.b)))
			if got := r.Equal(texts(c.file, c.a), texts(c.file, c.b)); got != c.equal {
				t.Errorf("equal: %v\n%s\n%s", got, r.Normal(texts(c.file, c.a)).Text(), r.Normal(texts(c.file, c.b)).Text())
			}
		})
	}
}

func TestModesAndKindsCount(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b File
	}{
		{"permissions", File{Perm: 0o600}, File{Perm: 0o644}},
		{"a directory is no file", File{Type: fs.ModeDir, Perm: 0o755}, File{Perm: 0o755}},
		{"where a link leads", File{Type: fs.ModeSymlink, Data: []byte("x")}, File{Type: fs.ModeSymlink, Data: []byte("y")}},
	} {
		if learn(t).Equal(State{"f": c.a}, State{"f": c.b}) {
			t.Errorf("%s: makes no difference", c.name)
		}
	}
}

func TestBrokenFilesAreTold(t *testing.T) {
	for _, c := range []struct{ file, whole, torn string }{
		{"c.json", `{"a":1}`, `{"a":`},
		{"c.json", `{"a":1}`, `{"a":1}}`},
		{"c.toml", "a = 1\n", "a = \n"},
		{"c.yaml", "a: 1\n", "a: [1\n"},
		{"c.ini", "[s]\na=1\n", "[s\n"},
	} {
		r := learn(t, repeated("a", texts(c.file, c.whole)))
		if value, broken := valueOf(r.Normal(texts(c.file, c.torn))[c.file], brokenPath); !broken || !strings.Contains(value, " any more") {
			t.Errorf("%s: %q is read without a complaint", c.file, c.torn)
		}
		if _, broken := valueOf(r.Normal(texts(c.file, ""))[c.file], brokenPath); broken {
			t.Errorf("%s: an empty file is called broken", c.file)
		}
	}
}

func TestWhatOnlySometimesParsesIsText(t *testing.T) {
	r := learn(t, repeated("a", texts("notes", "a: 1\n")), repeated("b", texts("notes", "just words\n")))
	if r.formats["notes"] != Text {
		t.Errorf("read as %s", r.formats["notes"])
	}
}

func TestHugeFilesAreComparedByDigest(t *testing.T) {
	dir := t.TempDir()
	read := func(last string) State {
		if err := os.WriteFile(filepath.Join(dir, "huge.json"), []byte(`{"a":"`+strings.Repeat("x", mostRead)+last+`"}`), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Read(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, again, b := read("a"), read("a"), read("b")
	if len(a["huge.json"].Data) != 0 {
		t.Error("a huge file is kept whole")
	}
	r := learn(t, repeated("a", a))
	if !r.Equal(a, again) || r.Equal(a, b) {
		t.Error("huge files are not told apart by what they hold")
	}
}

func TestReadLeavesOutWhatItIsToldTo(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"d/in", "skipped/deep/x", "f"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Read(dir, func(name string) bool { return name == "skipped" })
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"d", "d/in", "f"}; !slices.Equal(names, want) {
		t.Errorf("read %q, want %q", names, want)
	}
}

func TestReadTellsOfADirectoryThatIsNotThere(t *testing.T) {
	if s, err := Read(filepath.Join(t.TempDir(), "none"), nil); err != nil || len(s) != 0 {
		t.Errorf("%v, %v", s, err)
	}
	if runtime.GOOS != "windows" && os.Getuid() != 0 {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "closed"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir, nil); err == nil {
			t.Error("a directory that cannot be read is no error")
		}
	}
}

func TestDatabasesAreComparedByTheirRows(t *testing.T) {
	database := func(statements ...string) State {
		t.Helper()
		dir := t.TempDir()
		db, err := sql.Open("sqlite", filepath.ToSlash(filepath.Join(dir, "x.db")))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append([]string{"PRAGMA journal_mode=WAL", "CREATE TABLE t(k TEXT PRIMARY KEY, v)"}, statements...) {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(s, err)
			}
		}
		defer db.Close() // after the reading: the rows are still in the journal
		s, err := Read(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a := database("INSERT INTO t VALUES('a', 1)", "INSERT INTO t VALUES('b', 2)")
	b := database("INSERT INTO t VALUES('b', 2)", "INSERT INTO t VALUES('a', 1)")
	lost := database("INSERT INTO t VALUES('a', 1)")
	if _, there := a["x.db-wal"]; there || !strings.Contains(a["x.db"].Rows, "a|1") {
		t.Fatalf("the journal is not folded in: %v", a)
	}
	r := learn(t, repeated("a b", a), repeated("b a", b))
	if !r.Equal(a, b) || r.Equal(a, lost) {
		t.Errorf("compared otherwise than by rows\n%s", r.Normal(a).Text())
	}
	torn := State{"x.db": File{Data: a["x.db"].Data[:16], Perm: a["x.db"].Perm, Rows: "damaged: cut"}}
	if _, broken := valueOf(r.Normal(torn)["x.db"], brokenPath); !broken {
		t.Error("a damaged database is read without a complaint")
	}
}

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"*.log", "a.log", true}, {"*.log", "d/a.log", true}, {"_logs", ".npm/_logs/x", true}, {"d/*", "d/x", true}, {"d/*", "d/x/y", true},
		{"d/*", "e/d/x", false}, {"**/x", "a/b/x", true}, {".cache/", ".cache/x", true}, {"*.log", "logs", false}, {"{a,b}", "b", true},
	} {
		if got := Matches([]string{c.glob}, c.name); got != c.want {
			t.Errorf("Matches(%q, %q) = %v", c.glob, c.name, got)
		}
	}
	if CheckGlob("[") == nil || CheckGlob("*.log") != nil {
		t.Error("globs are not checked")
	}
}

// FuzzContent reads any bytes as any format: nothing panics, and a state equals
// itself.
func FuzzContent(f *testing.F) {
	for _, seed := range []string{"", "{", `{"a":[1,{"b":null}]}`, "[s]\na=1\n", "a: &x [*x]\n", "a = 1\n[[t]]\n", "\x00\xff", "SQLite format 3\x00", "k\n\tv\n", "<<: 1\n? [a]: b\n"} {
		for _, name := range []string{"c.json", "c.toml", "c.yaml", "c.ini", "x"} {
			f.Add(name, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		file := File{Data: data, Perm: 0o644}
		for _, format := range []Format{JSON, TOML, YAML, INI, Text, Binary, Database} {
			parse(format, file)
		}
		s := State{name: file}
		r, err := Learn([]Serial{repeated("a", s)}, nobody, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Equal(s, s) {
			t.Errorf("%q does not equal itself", data)
		}
	})
}
