package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// table is the outcome of a run.
type table struct {
	System  string `json:"system"`
	Rows    []row  `json:"rows"`
	Skipped string `json:"skipped,omitempty"`
}

// row compares memlatch with one other program.
type row struct {
	Name     string  `json:"name"`
	Other    string  `json:"other"`
	Unit     string  `json:"unit"`
	Memlatch float64 `json:"memlatch"`
	Theirs   float64 `json:"theirs"`
	Ratio    float64 `json:"ratio"` // memlatch's figure to theirs
	Bar      float64 `json:"bar"`   // what the ratio must not exceed; 0: no bar
	Missed   bool    `json:"missed"`
}

func newRow(name, other, unit string, memlatch, theirs, bar float64) row {
	r := row{Name: name, Other: other, Unit: unit, Memlatch: memlatch, Theirs: theirs, Bar: bar}
	if theirs > 0 {
		r.Ratio = memlatch / theirs
	}
	r.Missed = bar > 0 && r.Ratio > bar
	return r
}

func (t *table) add(r row) { t.Rows = append(t.Rows, r) }

func (t *table) missed() (n int) {
	for _, r := range t.Rows {
		if r.Missed {
			n++
		}
	}
	return n
}

func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "%s; each figure a median\n\n", t.System)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\tmemlatch\tcompared with\t\tratio\tbar\t")
	for _, r := range t.Rows {
		bar, verdict := "", ""
		if r.Bar > 0 {
			bar, verdict = fmt.Sprintf("at most %.4g", r.Bar), "pass"
		}
		if r.Missed {
			verdict = "MISSED"
		}
		fmt.Fprintf(tw, "%s\t%.4g %s\t%s\t%.4g %s\t%.3g\t%s\t%s\n", r.Name, r.Memlatch, r.Unit, r.Other, r.Theirs, r.Unit, r.Ratio, bar, verdict)
	}
	tw.Flush()
	if t.Skipped != "" {
		fmt.Fprintf(w, "skipped: %s\n", t.Skipped)
	}
	fmt.Fprintf(w, "\n%d bars missed\n", t.missed())
}

func median[T int | float64](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
