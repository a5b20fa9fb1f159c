package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// source is one file of a package that is changed.
type source struct {
	path  string // in the module
	abs   string
	bytes []byte
	set   *token.FileSet
	tree  *ast.File
}

func parse(root, path string) (*source, error) {
	s := &source{path: path, abs: filepath.Join(root, path), set: token.NewFileSet()}
	var err error
	if s.bytes, err = os.ReadFile(s.abs); err != nil {
		return nil, err
	}
	s.tree, err = parser.ParseFile(s.set, path, s.bytes, parser.SkipObjectResolution)
	return s, err
}

func (s *source) offset(p token.Pos) int { return s.set.Position(p).Offset }

func (s *source) text(n ast.Node) string {
	return string(s.bytes[s.offset(n.Pos()):s.offset(n.End())])
}

func (s *source) replace(n ast.Node, text string) edit {
	return edit{s.offset(n.Pos()), s.offset(n.End()), text}
}

// mutation is one change of one file. Its name says where: the function, the
// operator, and which of those of this operator in this function it is.
type mutation struct {
	name     string
	suite    *suite
	source   *source
	function *ast.FuncDecl // nil for a constant of the package
	edits    []edit
}

// mutations returns all changes of the files of a package on a system whose
// names are of that suite.
func mutations(root, system string, suite *suite) ([]mutation, error) {
	context := build.Default
	context.GOOS = system
	pkg, err := context.ImportDir(filepath.Join(root, suite.pkg), 0)
	if err != nil {
		return nil, err
	}
	var all []mutation
	for _, file := range pkg.GoFiles {
		if !slices.Contains(suite.files, file) {
			continue
		}
		s, err := parse(root, filepath.Join(suite.pkg, file))
		if err != nil {
			return nil, err
		}
		all = append(all, s.mutations(suite)...)
	}
	return all, nil
}

func (s *source) mutations(suite *suite) (all []mutation) {
	for _, decl := range s.tree.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			some := s.inside(suite, functionName(s, decl), decl)
			for i := range some {
				some[i].function = decl
			}
			all = append(all, some...)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && decl.Tok == token.CONST {
					all = append(all, s.inside(suite, v.Names[0].Name, v)...)
				}
			}
		}
	}
	return all
}

func functionName(s *source, f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	return strings.TrimPrefix(s.text(f.Recv.List[0].Type), "*") + "." + f.Name.Name
}

// inside returns the changes inside of what has that name.
func (s *source) inside(suite *suite, name string, decl ast.Node) (all []mutation) {
	for _, o := range operators {
		n := 0
		ast.Inspect(decl, func(node ast.Node) bool {
			if node == nil {
				return false
			}
			for _, edits := range o.at(s, node) {
				n++
				all = append(all, mutation{
					name:  fmt.Sprintf("%s.%s:%s:%d", suite.pkg, name, o.name, n),
					suite: suite, source: s, edits: edits,
				})
			}
			return true
		})
	}
	return all
}

// changed returns the file with the change.
func (m mutation) changed() []byte { return apply(m.source.bytes, m.edits) }

func apply(text []byte, edits []edit) []byte {
	text = slices.Clone(text)
	for _, e := range slices.SortedStableFunc(slices.Values(edits), func(a, b edit) int { return cmp.Compare(b.from, a.from) }) {
		text = slices.Replace(text, e.from, e.to, []byte(e.text)...)
	}
	return text
}

// position is the file and the line of the change.
func (m mutation) position() string {
	at := m.edits[0].from
	return fmt.Sprintf("%s:%d", filepath.ToSlash(m.source.path), 1+strings.Count(string(m.source.bytes[:at]), "\n"))
}

// change says in one line what is changed.
func (m mutation) change() string {
	var words []string
	for _, e := range m.edits {
		words = append(words, short(string(m.source.bytes[e.from:e.to]))+" -> "+short(e.text))
	}
	return strings.Join(words, ", ")
}

func short(code string) string {
	code = strings.Join(strings.Fields(code), " ")
	if r := []rune(code); len(r) > 60 {
		code = string(r[:57]) + "..."
	}
	if code == "" {
		code = "nothing"
	}
	return code
}
