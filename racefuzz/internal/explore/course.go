package explore

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// course is a run on its way: who may move, and whose turn it is.
type course struct {
	race.Run
	describer Describer   // or nil
	feet      Footprinter // or nil
	natures   []Nature    // of the moves, where there is a describer
	hasty     bool        // nobody waits for others before he tries again
	events    []race.Event
	moved     map[string]int // by lane: the number of moves when it made its last
	acted     map[string]int // by actor: the same of those with which it did not try in vain
	again     string         // the lane that has just tried again
	here      spot
}

// spot is a point of a schedule at which somebody moves next.
type spot struct {
	moves  []race.Move // the first of them, as many as fair says, may be made; the others try again too soon
	fair   int
	onward int    // the move to make when nothing speaks for another one
	free   bool   // nobody is made to wait by it, whoever moves
	turn   string // the lane that moved last, or "" if it has given the turn up; a crash is no move of its actor's own
	begun  bool   // the last move began something that nobody has noticed
}

// start begins anew, with a run of that case.
func (c *course) start(t race.Tier, of race.Case) error {
	r, err := t.Start(of)
	if err != nil {
		return err
	}
	*c = course{Run: r, hasty: c.hasty, events: c.events[:0], natures: c.natures[:0], here: spot{moves: c.here.moves[:0]}}
	if c.describer, _ = r.(Describer); c.describer != nil {
		c.moved, c.acted = map[string]int{}, map[string]int{}
	}
	c.feet, _ = r.(Footprinter)
	return nil
}

// look returns where the course is now.
func (c *course) look() *spot {
	c.here.moves = append(c.here.moves[:0], c.Moves()...)
	c.here.fair = len(c.here.moves)
	if c.describer != nil {
		c.describe()
	}
	c.here.onward, c.here.free = c.byDefault()
	return &c.here
}

// describe puts the moves last that wait for others.
func (c *course) describe() {
	c.natures = c.natures[:0]
	for _, m := range c.here.moves {
		c.natures = append(c.natures, c.describer.Describe(m))
	}
	if c.again != "" && !c.inVain() {
		c.acted[race.ActorOf(c.again)] = c.moved[c.again]
	}
	c.again = ""
	if c.hasty || !slices.Contains(c.natures, TriesAgain) {
		return
	}
	var waiting []race.Move
	kept := 0
	for i, m := range c.here.moves {
		if c.natures[i] == TriesAgain && m.Fault == race.NoFault && c.waits(m.Actor) {
			waiting = append(waiting, m)
			continue
		}
		c.here.moves[kept], c.natures[kept] = m, c.natures[i]
		kept++
	}
	c.here.fair = kept
	for i, m := range waiting {
		c.here.moves[kept+i], c.natures[kept+i] = m, TriesAgain
	}
}

// inVain reports whether the lane that has just tried again is about to do so
// once more, or cannot move any more and has changed nothing.
func (c *course) inVain() bool {
	i := slices.IndexFunc(c.here.moves, func(m race.Move) bool { return m.Actor == c.again && m.Fault == race.NoFault })
	if i < 0 {
		return c.feet != nil && c.feet.Footprint().OnlyLooks()
	}
	return c.natures[i] == TriesAgain
}

// waits reports whether a lane that tries again waits for another to move in
// between: one that is in the middle of something, and has not moved since.
func (c *course) waits(lane string) bool {
	for i, m := range c.here.moves {
		if c.natures[i] == GoesOn && m.Fault != race.Crash && !sameActor(m.Actor, lane) && c.acted[race.ActorOf(m.Actor)] < c.moved[lane] {
			return true
		}
	}
	return false
}

// do makes one of the moves that look returned.
func (c *course) do(m race.Move) error {
	nature := GoesOn
	if c.describer != nil {
		nature = c.natures[slices.Index(c.here.moves, m)]
	}
	e, err := c.Do(m)
	c.events = append(c.events, e)
	if c.describer != nil {
		c.moved[m.Actor], c.again = len(c.events), ""
		if nature == TriesAgain {
			c.again = m.Actor
		} else {
			c.acted[race.ActorOf(m.Actor)] = len(c.events)
		}
	}
	switch {
	case m.Fault != race.Crash:
		c.here.turn = m.Actor
	case c.here.free: // who could not go on has given the turn up, though the crash may have set him free
		c.here.turn = ""
	}
	c.here.begun = nature == Begins && m.Fault == race.NoFault
	if c.here.begun && c.feet != nil {
		foot := c.feet.Footprint()
		c.here.begun = !foot.Unknown && len(foot.Writes) == 0
	}
	return err
}

// finish goes on to the end, or until an invariant is broken, as nobody is
// interrupted.
func (c *course) finish() error {
	for c.here.turn = ""; !c.Verdict().Broken() && len(c.events) < maxSteps; {
		here := c.look()
		if len(here.moves) == 0 {
			break
		}
		if err := c.do(here.moves[here.onward]); err != nil {
			return err
		}
	}
	return nil
}

// Onward is the move that somebody makes next in a run, after these events,
// when nothing speaks for another one. Free says that nobody is interrupted,
// whoever moves instead. There is no move at the end of a run.
func Onward(r race.Run, after []race.Event) (m race.Move, free, ok bool) {
	c := course{Run: r, moved: map[string]int{}, acted: map[string]int{}}
	c.describer, _ = r.(Describer)
	for i, e := range after {
		c.moved[e.Actor], c.acted[race.ActorOf(e.Actor)] = i+1, i+1
		if e.Op != string(race.Crash) {
			c.here.turn = e.Actor
		}
	}
	here := c.look()
	if len(here.moves) == 0 {
		return m, true, false
	}
	return here.moves[here.onward], here.free, true
}

// byDefault is the move that somebody makes when nothing speaks for another one: the
// lane that moved last goes on, or another of its actor. Where it rests, has gone
// or is about to try again, any may move without a preemption.
func (c *course) byDefault() (onward int, free bool) {
	other, resting := -1, -1
	onward = -1
	for i, m := range c.here.moves[:c.here.fair] {
		switch {
		case m.Fault != race.NoFault:
		case !sameActor(m.Actor, c.here.turn):
			if other < 0 {
				other = i
			}
		case c.describer != nil && c.natures[i] != GoesOn:
			if resting < 0 {
				resting = i
			}
		case onward < 0 || m.Actor == c.here.turn:
			onward = i
		}
	}
	switch {
	case onward >= 0:
		return onward, false
	case other >= 0:
		return other, true
	}
	return max(resting, 0), true
}

// sameActor reports whether two lanes are one actor's.
func sameActor(a, b string) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		switch {
		case a[i] != b[i]:
			return false
		case a[i] == '.':
			return true
		}
	}
	n := min(len(a), len(b))
	return len(a) == len(b) || n > 0 && (n < len(a) && a[n] == '.' || n < len(b) && b[n] == '.')
}
