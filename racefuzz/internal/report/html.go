package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS template.CSS
	//go:embed page.js
	pageJS template.JS

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
)

// HTML writes r as one self-contained page: the lanes, the content of the pid
// file, and the locks on every file that has had its name, step by step. It
// loads nothing, and without scripts it can still be read.
func HTML(w io.Writer, r Report) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, newPage(r.plain())); err != nil {
		return fmt.Errorf("render the page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// colors is the number of colors that tell actors apart.
const colors = 8

// page is what the template is filled with. Steps count from 1; step 0 is the
// start.
type page struct {
	Report
	CSS     template.CSS
	JS      template.JS
	PIDFile string
	Summary string
	Note    string // on the pid file at the start
	Timed   bool
	Told    bool // the events tell files apart
	Many    bool // files have to be told apart
	Broken  int  // the step that broke the invariant, or -1
	First   int  // the steps of the critical pair, or -1
	Second  int
	Actors  []pageActor
	Rows    []pageRow
	Stacks  []stack
}

type pageActor struct {
	Name, Script string
	Color        string // a class
}

// pageRow is a step with the state after it.
type pageRow struct {
	Step   int
	Event  race.Event
	Color  string // of the actor
	Text   string // the event on one line, but for its detail
	Time   string
	File   string
	Lock   string
	Same   bool // the file is as it was before
	Lanes  []pageLane
	Tracks []pageTrack
}

type pageLane struct {
	Color string
	Moves bool // the step is this actor's
	Holds bool // some lock
	Gone  bool
}

// pageTrack is a cell of a column that shows a file over time.
type pageTrack struct {
	Inode  int // or 0 for no file
	Color  string
	Named  bool   // the name means this file
	Begins bool   // in this row
	Ends   bool   // in this row
	Who    string // holds its lock
	Same   bool   // as before
}

func newPage(r Report) page {
	p := page{
		Report: r, CSS: pageCSS, JS: pageJS, PIDFile: r.Case.PIDFile(),
		Summary: r.summary(), Note: r.stranger(), Timed: r.timed(), Told: r.told(),
		Broken: -1, First: -1, Second: -1, Stacks: r.stacks(),
	}
	if r.Verdict.Broken() {
		p.Broken = r.Verdict.Event + 1
	}
	if r.hasCritical() {
		p.First, p.Second = r.Critical[0]+1, r.Critical[1]+1
	}
	for i, a := range r.actors() {
		p.Actors = append(p.Actors, pageActor{a.Name, strings.Join(a.Script, " "), fmt.Sprint("c", i%colors)})
	}
	states := r.states()
	p.Many = manyFiles(states)
	gone := r.newcomers()
	for i, now := range states {
		row := pageRow{Step: i, File: now.file(p.Many), Lock: now.lock(p.Many)}
		if now.text == "-" {
			row.File = "no file"
		}
		if i > 0 {
			row.Event = r.Events[i-1]
			row.Text, row.Time, row.Color = brief(row.Event), clock(row.Event), p.color(row.Event.Actor)
			row.Same = row.File == p.Rows[i-1].File
			gone[row.Event.Actor] = ends(row.Event)
		}
		for _, a := range p.Actors {
			row.Lanes = append(row.Lanes, pageLane{a.Color, a.Name == row.Event.Actor, now.holds(a.Name), gone[a.Name]})
		}
		p.Rows = append(p.Rows, row)
	}
	p.addTracks(states)
	return p
}

// addTracks adds the cells of the tracks to the rows.
func (p page) addTracks(states []state) {
	columns := tracks(states)
	for n := range columns[0] {
		for i, now := range states {
			inode := columns[i][n]
			who := now.holders(inode)
			first, _, _ := strings.Cut(who, " ")
			t := pageTrack{Inode: inode, Color: p.color(first), Named: now.inode == inode, Who: cmp.Or(who, "free")}
			t.Begins = i == 0 || columns[i-1][n] != inode
			t.Ends = i+1 < len(states) && columns[i+1][n] != inode
			t.Same = !t.Begins && who == states[i-1].holders(inode)
			p.Rows[i].Tracks = append(p.Rows[i].Tracks, t)
		}
	}
}

// color returns the class of an actor's color, or "" for nobody.
func (p page) color(actor string) string {
	for _, a := range p.Actors {
		if a.Name == actor {
			return a.Color
		}
	}
	return ""
}
