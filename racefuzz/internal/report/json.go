package report

import (
	"encoding/json"
	"io"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// JSON writes r as one object on one line. Steps count from 1, as in the
// lanes; times are in nanoseconds since the start of the case. A byte that is
// no UTF-8 comes out as U+FFFD.
//
//	{
//	  "title": "…", "tier": "kernel", "target": "no-recheck", "rules": "",
//	  "command": ["…"], "options": {"name": "value"},
//	  "files": [{"name": "server.pid", "kind": "file", "content": "4242\n", "perm": 384}],
//	  "actors": [{"name": "a", "script": ["acquire", "release"]}],
//	  "events": [{
//	    "step": 1, "actor": "a", "op": "open", "detail": "", "result": "ok",
//	    "time_ns": 0, "preempted": false,
//	    "file": "4242\n",  null when the name meant no file
//	    "inode": 1,        which file the name meant; 0 for none
//	    "locks": [{"inode": 1, "holders": "b c (shared)"}]
//	  }],
//	  "verdict": "I1: a and b both hold the file",  or "no race"
//	  "broken": {"invariant": "I1", "meaning": "…", "reason": "…", "step": 15},  or null
//	  "critical": [5, 6],  steps, or null
//	  "stacks": [{"actor": "a", "step": 5, "frames": ["os.(*File).Write  /go/src/os/file.go:215"]}],  of the marked steps; not there unless asked for
//	  "replay": "…"
//	}
func JSON(w io.Writer, r Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(object(r))
}

type jsonReport struct {
	Title    string            `json:"title"`
	Tier     string            `json:"tier"`
	Target   string            `json:"target"`
	Rules    string            `json:"rules"`
	Command  []string          `json:"command"`
	Options  map[string]string `json:"options"`
	Files    []jsonFile        `json:"files"`
	Actors   []jsonActor       `json:"actors"`
	Events   []jsonEvent       `json:"events"`
	Verdict  string            `json:"verdict"`
	Broken   *jsonBroken       `json:"broken"`
	Critical []int             `json:"critical"`
	Stacks   []stack           `json:"stacks,omitempty"`
	Replay   string            `json:"replay"`
}

type jsonFile struct {
	Name    string    `json:"name"`
	Kind    race.Kind `json:"kind"`
	Content string    `json:"content"`
	Perm    uint32    `json:"perm"`
}

type jsonActor struct {
	Name   string   `json:"name"`
	Script []string `json:"script"`
}

type jsonEvent struct {
	Step      int        `json:"step"`
	Actor     string     `json:"actor"`
	Op        string     `json:"op"`
	Detail    string     `json:"detail"`
	Result    string     `json:"result"`
	Time      int64      `json:"time_ns"`
	Preempted bool       `json:"preempted"`
	File      *string    `json:"file"`
	Inode     int        `json:"inode"`
	Locks     []jsonLock `json:"locks"`
}

type jsonLock struct {
	Inode   int    `json:"inode"`
	Holders string `json:"holders"`
}

type jsonBroken struct {
	Invariant race.Invariant `json:"invariant"`
	Meaning   string         `json:"meaning"`
	Reason    string         `json:"reason"`
	Step      int            `json:"step"`
}

// object returns r as it is encoded. Lists that are empty are no nulls.
func object(r Report) jsonReport {
	o := jsonReport{
		Title:   r.Case.Title,
		Tier:    r.Case.Tier,
		Target:  r.Case.Target,
		Rules:   r.Case.Rules,
		Command: append([]string{}, r.Case.Command...),
		Options: r.Case.Options,
		Files:   []jsonFile{},
		Actors:  []jsonActor{},
		Events:  []jsonEvent{},
		Verdict: r.Verdict.String(),
		Stacks:  r.stacks(),
		Replay:  r.Replay,
	}
	if o.Options == nil {
		o.Options = map[string]string{}
	}
	for _, f := range r.Case.Files {
		o.Files = append(o.Files, jsonFile{f.Name, f.Kind, f.Content, f.Perm})
	}
	for _, a := range r.Case.Actors {
		o.Actors = append(o.Actors, jsonActor{a.Name, append([]string{}, a.Script...)})
	}
	states := r.states()
	for i, e := range r.Events {
		o.Events = append(o.Events, jsonStep(i, e, states[i+1]))
	}
	if v := r.Verdict; v.Broken() {
		o.Broken = &jsonBroken{v.Invariant, v.Invariant.Meaning(), v.Reason, v.Event + 1}
	}
	if r.hasCritical() {
		o.Critical = []int{r.Critical[0] + 1, r.Critical[1] + 1}
	}
	return o
}

func jsonStep(i int, e race.Event, after state) jsonEvent {
	step := jsonEvent{
		Step: i + 1, Actor: e.Actor, Op: e.Op, Detail: e.Detail, Result: e.Result,
		Time: e.Time.Nanoseconds(), Preempted: e.Preempted,
		Inode: after.inode, Locks: []jsonLock{},
	}
	if e.File != "-" {
		step.File = &e.File
	}
	for _, h := range after.locks {
		step.Locks = append(step.Locks, jsonLock{h.inode, h.who})
	}
	return step
}
