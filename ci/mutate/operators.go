package main

import (
	"go/ast"
	"go/token"
	"strings"
)

// edit replaces the bytes of a file from from to before to.
type edit struct {
	from, to int
	text     string
}

// operator is one kind of change: at returns the changes that can be made of
// one node of the syntax tree, each as edits that do not overlap.
type operator struct {
	name string
	does string
	at   func(s *source, n ast.Node) [][]edit
}

var operators = []operator{
	{"drop", "leaves out a call, an assignment, or an argument of errors.Join", drop},
	{"swap", "swaps two neighbours that call something", swap},
	{"never", "takes a condition for false", never},
	{"always", "takes a condition for true that leads out of a function or a loop", always},
	{"negate", "negates any other condition", negate},
	{"operand", "leaves out one side of &&, || or |", operand},
	{"boundary", "moves the boundary of a comparison by one", boundary},
	{"constant", "replaces a number or a truth value", constant},
	{"once", "ends a loop after its first round", once},
	{"hoist", "does the first things of a loop once, before it", hoist},
	{"case", "leaves out a case of a switch", dropCase},
	{"error", "returns nil for an error", dropError},
	{"result", "returns true, or false, for a comparison", result},
}

// list returns the statements that n holds in a row.
func list(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// joined returns the arguments of a call of errors.Join.
func (s *source) joined(n ast.Node) []ast.Expr {
	if call, ok := n.(*ast.CallExpr); ok && s.text(call.Fun) == "errors.Join" {
		return call.Args
	}
	return nil
}

// calls reports whether n calls something that does more than talk to people.
func (s *source) calls(n ast.Node) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if _, inner := n.(*ast.FuncLit); inner {
			return false
		}
		if call, ok := n.(*ast.CallExpr); ok {
			name := s.text(call.Fun)
			name = name[strings.LastIndexByte(name, '.')+1:]
			found = found || !strings.HasPrefix(name, "Print") && !strings.HasPrefix(name, "Fprint")
		}
		return !found
	})
	return found
}

// step reports whether a statement can be left out or moved: it does
// something, and declares nothing for those that follow.
func (s *source) step(stmt ast.Stmt) bool {
	switch stmt := stmt.(type) {
	case *ast.ExprStmt, *ast.DeferStmt, *ast.GoStmt:
		return s.calls(stmt)
	case *ast.AssignStmt:
		return stmt.Tok != token.DEFINE
	case *ast.IncDecStmt:
		return true
	case *ast.IfStmt:
		return stmt.Init != nil && s.calls(stmt.Init)
	}
	return false
}

func drop(s *source, n ast.Node) (all [][]edit) {
	for _, stmt := range list(n) {
		if s.step(stmt) {
			all = append(all, []edit{s.replace(stmt, "")})
		}
	}
	args := s.joined(n)
	for i, arg := range args {
		switch {
		case !s.calls(arg):
		case i+1 < len(args):
			all = append(all, []edit{{s.offset(arg.Pos()), s.offset(args[i+1].Pos()), ""}})
		case i > 0:
			all = append(all, []edit{{s.offset(args[i-1].End()), s.offset(arg.End()), ""}})
		}
	}
	return all
}

func swap(s *source, n ast.Node) (all [][]edit) {
	exchange := func(a, b ast.Node) {
		if s.calls(a) && s.calls(b) && s.text(a) != s.text(b) {
			all = append(all, []edit{s.replace(a, s.text(b)), s.replace(b, s.text(a))})
		}
	}
	stmts := list(n)
	for i := range max(len(stmts)-1, 0) {
		if s.movable(stmts[i]) && s.movable(stmts[i+1]) && !s.declares(stmts[i], stmts[i+1]) {
			exchange(stmts[i], stmts[i+1])
		}
	}
	args := s.joined(n)
	for i := range max(len(args)-1, 0) {
		exchange(args[i], args[i+1])
	}
	return all
}

func (s *source) movable(stmt ast.Stmt) bool {
	switch stmt.(type) {
	case *ast.ExprStmt, *ast.AssignStmt, *ast.DeferStmt, *ast.IfStmt:
		return true
	}
	return false
}

// declares reports whether a declares what b uses.
func (s *source) declares(a, b ast.Stmt) (used bool) {
	assign, ok := a.(*ast.AssignStmt)
	if !ok || assign.Tok != token.DEFINE {
		return false
	}
	for _, left := range assign.Lhs {
		ast.Inspect(b, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			used = used || ok && id.Name == s.text(left)
			return !used
		})
	}
	return used
}

// condition is an expression that decides, and what is done where it is true.
type condition struct {
	expr ast.Expr
	then []ast.Stmt
}

func conditions(n ast.Node) (all []condition) {
	switch n := n.(type) {
	case *ast.IfStmt:
		all = append(all, condition{n.Cond, n.Body.List})
	case *ast.ForStmt:
		if n.Cond != nil {
			all = append(all, condition{n.Cond, nil})
		}
	case *ast.SwitchStmt:
		for _, clause := range n.Body.List {
			clause := clause.(*ast.CaseClause)
			for _, expr := range clause.List {
				if n.Tag == nil {
					all = append(all, condition{expr, clause.Body})
				}
			}
		}
	}
	return all
}

func negate(s *source, n ast.Node) (all [][]edit) {
	for _, c := range conditions(n) {
		if !leaves(c.then) { // else never and always are each one half of it
			all = append(all, []edit{s.replace(c.expr, "!("+s.text(c.expr)+")")})
		}
	}
	return all
}

// never and always still ask, for asking can have an effect.
func never(s *source, n ast.Node) (all [][]edit) {
	for _, c := range conditions(n) {
		all = append(all, []edit{s.replace(c.expr, "("+s.text(c.expr)+") && false")})
	}
	return all
}

func always(s *source, n ast.Node) (all [][]edit) {
	for _, c := range conditions(n) {
		if leaves(c.then) {
			all = append(all, []edit{s.replace(c.expr, "("+s.text(c.expr)+") || true")})
		}
	}
	return all
}

// leaves reports whether the statements end what they are in.
func leaves(stmts []ast.Stmt) bool {
	if len(stmts) == 0 {
		return false
	}
	switch stmts[len(stmts)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	}
	return false
}

func operand(s *source, n ast.Node) [][]edit {
	b, ok := n.(*ast.BinaryExpr)
	if !ok || b.Op != token.LAND && b.Op != token.LOR && b.Op != token.OR {
		return nil
	}
	return [][]edit{{s.replace(b, s.text(b.X))}, {s.replace(b, s.text(b.Y))}}
}

var neighbours = map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"}

func boundary(s *source, n ast.Node) [][]edit {
	b, ok := n.(*ast.BinaryExpr)
	if !ok || neighbours[b.Op] == "" {
		return nil
	}
	at := s.offset(b.OpPos)
	return [][]edit{{{at, at + len(b.Op.String()), neighbours[b.Op]}}}
}

func constant(s *source, n ast.Node) [][]edit {
	with := ""
	switch n := n.(type) {
	case *ast.BasicLit:
		switch {
		case n.Kind != token.INT:
		case n.Value == "0":
			with = "1"
		case strings.HasPrefix(n.Value, "0o"):
			with = "0o777"
		default:
			with = "0"
		}
	case *ast.Ident:
		with = map[string]string{"true": "false", "false": "true"}[n.Name]
	}
	if with == "" {
		return nil
	}
	return [][]edit{{s.replace(n, with)}}
}

func once(s *source, n ast.Node) [][]edit {
	var body *ast.BlockStmt
	switch n := n.(type) {
	case *ast.ForStmt:
		if n.Cond != nil {
			body = n.Body
		}
	case *ast.RangeStmt:
		body = n.Body
	}
	if body == nil || leaves(body.List) {
		return nil
	}
	end := s.offset(body.Rbrace)
	return [][]edit{{{end, end, "\nbreak\n"}}}
}

func hoist(s *source, n ast.Node) (all [][]edit) {
	loop, ok := n.(*ast.ForStmt)
	if !ok {
		return nil
	}
	stmts := loop.Body.List
	for i := 0; i < min(2, len(stmts)-1); i++ {
		from, to, before := s.offset(stmts[0].Pos()), s.offset(stmts[i].End()), s.offset(loop.Pos())
		all = append(all, []edit{{before, before, string(s.bytes[from:to]) + "\n"}, {from, to, ""}})
	}
	return all
}

func dropCase(s *source, n ast.Node) (all [][]edit) {
	var body *ast.BlockStmt
	switch n := n.(type) {
	case *ast.SwitchStmt:
		if n.Tag != nil { // without one, never does this
			body = n.Body
		}
	case *ast.TypeSwitchStmt:
		body = n.Body
	}
	if body == nil {
		return nil
	}
	for _, clause := range body.List {
		if clause.(*ast.CaseClause).List != nil {
			all = append(all, []edit{s.replace(clause, "")})
		}
	}
	return all
}

// returns calls do for what the function that is n returns itself.
func returns(n ast.Node, do func(of *ast.FuncType, r *ast.ReturnStmt)) {
	var of *ast.FuncType
	var body *ast.BlockStmt
	switch n := n.(type) {
	case *ast.FuncDecl:
		of, body = n.Type, n.Body
	case *ast.FuncLit:
		of, body = n.Type, n.Body
	}
	if body == nil {
		return
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
			do(of, r)
		}
		_, inner := n.(*ast.FuncLit)
		return !inner
	})
}

func dropError(s *source, n ast.Node) (all [][]edit) {
	returns(n, func(of *ast.FuncType, r *ast.ReturnStmt) {
		last := r.Results[len(r.Results)-1]
		types := of.Results.List
		if s.text(types[len(types)-1].Type) == "error" && s.text(last) != "nil" && len(r.Results) >= len(types) {
			all = append(all, []edit{s.replace(last, "nil")})
		}
	})
	return all
}

var comparisons = map[token.Token]bool{
	token.EQL: true, token.NEQ: true, token.LSS: true, token.LEQ: true, token.GTR: true, token.GEQ: true,
	token.LAND: true, token.LOR: true,
}

func result(s *source, n ast.Node) (all [][]edit) {
	returns(n, func(_ *ast.FuncType, r *ast.ReturnStmt) {
		for _, expr := range r.Results {
			b, ok := expr.(*ast.BinaryExpr)
			if ok && comparisons[b.Op] {
				all = append(all, []edit{s.replace(expr, "true")}, []edit{s.replace(expr, "false")})
			}
		}
	})
	return all
}
