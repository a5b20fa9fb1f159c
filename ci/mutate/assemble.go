package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// Building every change by itself takes most of the time. So all of them are
// built at once: beside each function stand its changed copies, and it begins
// with a switch that goes to one of them. Which one is for a number that is
// written into the built program, so that the processes it starts have the same.

// mark precedes the number, which has as many digits as there are zeros.
const mark, zeros = "one change of the code: ", "00000"

// chosen declares the number in a package.
const chosen = `
var mutantMark = "` + mark + zeros + `"

var mutant = func() (n int) {
	for _, c := range mutantMark[len("` + mark + `"):] {
		n = 10*n + int(c-'0')
	}
	return n
}()
`

// number writes the number of a change into a program that has all of them.
func number(program []byte, n int) []byte {
	return bytes.ReplaceAll(program, []byte(mark+zeros), fmt.Appendf(nil, "%s%0*d", mark, len(zeros), n))
}

// assembled is a file with changed copies of its functions.
type assembled struct {
	text  []byte
	lines map[int]int // that a copy takes, and the change it has
}

// assemble returns s with those changes of its functions, by their numbers. It
// declares the number, too, if that is asked for.
func (s *source) assemble(changes map[int]mutation, declare bool) assembled {
	var edits []edit
	var copies strings.Builder
	if declare {
		copies.WriteString(chosen)
	}
	type place struct{ number, from, to int } // in copies
	var places []place
	byFunction := map[*ast.FuncDecl][]int{}
	for n, m := range changes {
		byFunction[m.function] = append(byFunction[m.function], n)
	}
	for f, numbers := range byFunction {
		slices.Sort(numbers)
		call, signature := s.forward(f)
		edits = append(edits, signature...)
		cases := "\nswitch mutant {\n"
		for _, n := range numbers {
			name := fmt.Sprintf("%sMutant%d", f.Name.Name, n)
			cases += fmt.Sprintf("case %d:\n%s\n", n, strings.ReplaceAll(call, "NAME", name))
			from := copies.Len()
			copies.WriteString("\n" + s.copyOf(f, name, changes[n]) + "\n")
			places = append(places, place{n, from, copies.Len()})
		}
		at := s.offset(f.Body.Lbrace) + 1
		edits = append(edits, edit{at, at, cases + "}\n"})
	}
	a := assembled{text: apply(s.bytes, edits), lines: map[int]int{}}
	before, all := 1+strings.Count(string(a.text), "\n"), copies.String()
	for _, p := range places {
		first := before + strings.Count(all[:p.from], "\n")
		for line := range strings.Count(all[p.from:p.to], "\n") + 1 {
			a.lines[first+line] = p.number
		}
	}
	a.text = append(a.text, all...)
	return a
}

// copyOf returns function f with another name and one change.
func (s *source) copyOf(f *ast.FuncDecl, name string, m mutation) string {
	edits := append(slices.Clone(m.edits), s.replace(f.Name, name))
	from, to := s.offset(f.Pos()), s.offset(f.End()) // without its comment
	for i := range edits {
		edits[i].from -= from
		edits[i].to -= from
	}
	return string(apply(s.bytes[from:to], edits))
}

// forward returns how f calls its copy NAME with what it was called with, and
// gives names to those of its parameters that have none.
func (s *source) forward(f *ast.FuncDecl) (call string, edits []edit) {
	var args []string
	unnamed := func(field *ast.Field) string {
		name := fmt.Sprintf("unnamed%d", len(edits))
		if len(field.Names) == 1 {
			edits = append(edits, s.replace(field.Names[0], name))
		} else {
			edits = append(edits, edit{s.offset(field.Pos()), s.offset(field.Pos()), name + " "})
		}
		return name
	}
	names := func(field *ast.Field) (all []string) {
		if len(field.Names) == 0 || len(field.Names) == 1 && field.Names[0].Name == "_" {
			return []string{unnamed(field)}
		}
		for _, name := range field.Names {
			all = append(all, name.Name)
		}
		return all
	}
	call = "NAME"
	if f.Recv != nil {
		call = names(f.Recv.List[0])[0] + ".NAME"
	}
	for _, field := range f.Type.Params.List {
		some := names(field)
		if _, variadic := field.Type.(*ast.Ellipsis); variadic {
			some[0] += "..."
		}
		args = append(args, some...)
	}
	call += "(" + strings.Join(args, ", ") + ")"
	if f.Type.Results != nil {
		return "return " + call, edits
	}
	return call + "\nreturn", edits
}
