package explore

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// trail is what a schedule was like that was run ahead of its turn.
type trail struct {
	first  Footprint // of the last move of its beginning
	points []*point
	end    ending
}

// ending is how a schedule ended.
type ending struct {
	events   []race.Event
	verdict  race.Verdict
	err      error
	diverged string // how, where it could not be begun
	goesOn   bool   // it goes on as another branch
	halted   bool   // it was not run to its end
}

// worker runs schedules. One run after the other keeps to the goroutine that
// started it.
type worker struct {
	course course
	point  point
	prefix []*node
}

// tries is how often a schedule is begun in which the program does something
// else than before.
const tries = 3

// run runs a branch whose turn it is and decides on it on the way.
func (k *worker) run(x *search, b *branch) {
	w := &walk{x: x}
	x.finish(w, k.walk(b, w, nil))
}

// ahead runs a branch ahead of its turn.
func (k *worker) ahead(x *search, b *branch) {
	t := &trail{}
	w := &walk{x: x, ahead: true}
	t.end = k.walk(b, w, t)
	t.end.events = slices.Clone(t.end.events)
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.claimed = !t.end.halted; b.claimed {
		b.trail = t
	}
}

// decide decides on a branch that was run before.
func (x *search) decide(b *branch) {
	t := b.trail
	w := &walk{x: x}
	end := t.end
	defer func() { x.finish(w, end) }()
	if end.diverged != "" {
		return
	}
	w.begun(b, t.first)
	for _, p := range t.points {
		pick := w.at(p)
		switch {
		case pick < 0:
			end = ending{}
			return
		case pick != p.pick: // others have been where it went
			x.push(w.branches(p, pick))
			x.push([]*branch{{last: w.node(p, pick), spent: w.spent.kept(), asleep: w.after, alone: w.alone, rest: true}})
			end = ending{goesOn: true}
			return
		}
		w.made(p, pick, p.foot)
	}
}

// walk runs a branch to its end, and keeps its points in a trail if there is one.
func (k *worker) walk(b *branch, w *walk, t *trail) ending {
	x, on := w.x, &k.course
	on.hasty = x.without(TryingAgain)
	for try := 1; ; try++ {
		if err := on.start(x.plan.Tier, x.c); err != nil {
			return ending{err: err}
		}
		x.ask(on.Run)
		foot, diverged, err := k.retrace(b)
		if diverged == "" && err == nil {
			w.begun(b, foot)
			if t != nil {
				t.first = foot
			}
			break
		}
		on.Close()
		if err != nil || try == tries {
			return ending{err: err, diverged: diverged}
		}
	}
	defer on.Close()
	for {
		if v := on.Verdict(); v.Broken() {
			return ending{events: on.events, verdict: v}
		}
		spot := on.look()
		switch {
		case len(spot.moves) == 0:
			return ending{}
		case x.shared.halted.Load():
			return ending{halted: true}
		case len(on.events) >= x.plan.longest():
			return ending{err: endless(on.events)}
		}
		p := &k.point
		if t != nil {
			p = &point{}
			t.points = append(t.points, p)
		}
		k.survey(p, w, t != nil)
		if p.pick = w.at(p); p.pick < 0 {
			return ending{}
		}
		if err := on.do(p.moves[p.pick]); err != nil {
			return ending{err: err}
		}
		if on.feet != nil {
			p.foot = on.feet.Footprint()
		}
		w.made(p, p.pick, p.foot)
	}
}

// retrace makes the moves of a branch's beginning and returns the footprint of
// the last.
func (k *worker) retrace(b *branch) (foot Footprint, diverged string, err error) {
	k.prefix = k.prefix[:0]
	for n := b.last; n != nil; n = n.before {
		k.prefix = append(k.prefix, n)
	}
	for _, n := range slices.Backward(k.prefix) {
		moves := k.course.look().moves
		if diverged := n.diverges(&k.course); diverged != "" {
			return foot, diverged, nil
		}
		m := moves[min(int(n.choice), len(moves)-1)]
		if n.move != nil {
			m = *n.move
		}
		if err := k.course.do(m); err != nil {
			return foot, "", err
		}
	}
	if k.course.feet != nil && b.last != nil {
		foot = k.course.feet.Footprint()
	}
	return foot, "", nil
}

// survey finds out what there is to be known where the course is now.
func (k *worker) survey(p *point, w *walk, keep bool) {
	x, on := w.x, &k.course
	*p = point{spot: on.here, crashes: p.crashes[:0]}
	if keep {
		p.moves = slices.Clone(p.moves)
	}
	alone := ""
	if p.again = w.alone != "" && on.triesAgain(w.alone); p.again {
		alone = w.alone
	}
	prints, _ := on.Run.(Fingerprinter)
	if x.prints && (x.feet || len(p.moves) > 1) {
		p.state, p.cast, p.whole = x.fingerprint(on, prints, "", alone)
	}
	if !x.feet || w.spent.Crashes >= x.bounds.Crashes {
		p.crashes = nil
		return
	}
	for _, m := range p.moves {
		var c crash
		if m.Fault == race.Crash {
			c.foot = on.feet.Foretell(m)
			if x.prints {
				c.state, c.cast, c.whole = x.fingerprint(on, prints, race.ActorOf(m.Actor), "")
			}
		}
		p.crashes = append(p.crashes, c)
	}
}
