package trace

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// maxSteps ends a schedule in which actors wait for each other by trying again.
const maxSteps = 500

// branch is a schedule that is still to be run: the moves of its beginning,
// and what they use up of the bounds.
type branch struct {
	moves    []race.Move
	used     Bounds
	asleep   []sleeper // before the last of the moves
	diverged int       // times it could not be run
	crash    crash     // what the last of the moves is, if it is one
}

// crash is what a crash leads to, as far as that is known before.
type crash struct {
	state uint64 // 0: not known
	entered
}

// explorer runs the schedules of a case in the order of what they use up,
// except those that come to a state another one has been in at no higher cost.
type explorer struct {
	c      race.Case
	tier   Tier
	bounds Bounds
	limit  int

	mu       sync.Mutex
	more     *sync.Cond
	open     [][]branch // by cost
	busy     int
	seen     map[uint64][]entered
	crashed  map[uint64][]entered // by what crashes that are put down to be made lead to
	concerns concerns
	result   Result
	err      error
}

// ExploreAll explores the cases one after the other and stops at the first
// that breaks an invariant, which it returns as well. What takes neither a
// preemption nor a crash is soon tried, and so is done in all of them first. The
// limit, if it is above 0, is on the schedules of all.
func (t Tier) ExploreAll(ctx context.Context, cases []race.Case, bounds Bounds, limit, workers int) (Result, race.Case, error) {
	total := Result{Complete: true}
	for _, b := range []Bounds{{}, bounds} {
		total.Complete = true
		for _, c := range cases {
			left := 0
			if limit > 0 {
				if left = limit - total.Schedules; left <= 0 {
					total.Complete = false
					return total, c, nil
				}
			}
			r, err := t.Explore(ctx, c, b, left, workers)
			if err != nil {
				return total, c, err
			}
			total.add(r)
			if r.Verdict.Broken() {
				return total, c, nil
			}
		}
		if b == bounds {
			break
		}
	}
	return total, race.Case{}, nil
}

// add adds what came of one more case.
func (r *Result) add(more Result) {
	r.Schedules += more.Schedules
	r.Steps += more.Steps
	r.Complete = r.Complete && more.Complete
	if r.Diverged += more.Diverged; r.Divergence == "" {
		r.Divergence = more.Divergence
	}
	r.Events, r.Verdict = more.Events, more.Verdict
}

// Explore runs every schedule of c within bounds, at most limit of them if
// that is above 0, and stops at the first that breaks an invariant. Cancelling
// ctx ends it early without an error.
//
// Where an actor waits for work, or has ended, another may move without a
// preemption. A schedule is left out, or not run to its end, where it comes to
// a known state, or to one that another schedule within the bounds comes to
// with steps in another order that have nothing to do with each other: calls
// on different files, or that only look, or a start or stop before its first
// call. Nobody is preempted before a step that has nothing to do with any of
// the others'. Programs that talk to each other in other ways than by the case's
// directory, signals and their ends are not told apart by that.
func (t Tier) Explore(ctx context.Context, c race.Case, bounds Bounds, limit, workers int) (Result, error) {
	x := &explorer{
		tier: t, c: c, bounds: bounds, limit: limit, seen: map[uint64][]entered{}, crashed: map[uint64][]entered{}, concerns: newConcerns(c),
		open: make([][]branch, bounds.most()+1),
	}
	x.more = sync.NewCond(&x.mu)
	x.open[0] = []branch{{}}
	defer context.AfterFunc(ctx, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.limit = 1
		x.more.Broadcast()
	})()
	var group sync.WaitGroup
	for range max(workers, 1) {
		group.Go(x.work)
	}
	group.Wait()
	x.result.Complete = x.err == nil && !x.result.Verdict.Broken() && x.result.Diverged == 0 && x.next() < 0
	return x.result, x.err
}

func (x *explorer) work() {
	for {
		b, ok := x.take()
		if !ok {
			return
		}
		err := x.execute(b)
		x.mu.Lock()
		x.busy--
		if err != nil && x.err == nil {
			x.err = err
		}
		x.more.Broadcast()
		x.mu.Unlock()
	}
}

// take waits for a branch to run; there is none once all is done.
func (x *explorer) take() (branch, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.next() < 0 && x.busy > 0 && !x.over() {
		x.more.Wait()
	}
	i := x.next()
	if i < 0 || x.over() {
		return branch{}, false
	}
	stack := x.open[i]
	b := stack[len(stack)-1]
	x.open[i] = stack[:len(stack)-1]
	x.busy++
	x.result.Schedules++
	if x.tier.Left != nil {
		left := 0
		for _, stack := range x.open {
			left += len(stack)
		}
		x.tier.Left(left, i, x.bounds.most())
	}
	return b, true
}

func (x *explorer) over() bool {
	return x.result.Verdict.Broken() || x.err != nil || x.limit > 0 && x.result.Schedules >= x.limit
}

// next is the lowest cost with a branch left, or -1.
func (x *explorer) next() int {
	return slices.IndexFunc(x.open, func(stack []branch) bool { return len(stack) > 0 })
}

// execute runs one schedule: its beginning as it is given, then by default.
func (x *explorer) execute(b branch) error {
	r, err := start(x.c, x.tier)
	if err != nil {
		return err
	}
	defer x.close(r)
	asleep := b.asleep
	for i, m := range b.moves {
		if !slices.Contains(r.Moves(), m) {
			x.diverged(b, r, m)
			return nil
		}
		if _, err := r.Do(m); err != nil {
			return err
		}
		if i == len(b.moves)-1 {
			x.note(r, m.Actor)
			asleep = stillAsleep(asleep, m, r.foot)
		}
	}
	for steps := len(b.moves); !x.judge(r); steps++ {
		moves := r.Moves()
		if len(moves) == 0 {
			return nil
		}
		if steps >= r.mostSteps() {
			return fmt.Errorf("no end after %d steps; the last: %s", steps, r.events[steps-1].Step)
		}
		turn, free := byDefault(moves, r.last())
		choices := x.enter(r, x.choices(r, moves, free, b.used, asleep), asleep, b.used)
		pick := -1
		for i, c := range choices {
			if c.used == b.used && (pick < 0 || c.last() == turn) {
				pick = i
			}
		}
		if pick < 0 {
			x.push(choices)
			return nil
		}
		c := choices[pick]
		choices = slices.Delete(choices, pick, pick+1)
		if _, err := r.Do(c.last()); err != nil {
			return err
		}
		x.note(r, c.last().Actor)
		if c.last() == turn && !free {
			for i := range choices {
				if choices[i].last().Fault == race.Crash { // it sleeps after the step instead
					continue
				}
				choices[i].asleep = append(slices.Clip(choices[i].asleep), sleeper{lane: turn.Actor, foot: r.foot})
			}
			choices = x.postpone(r, turn.Actor, b.used, choices)
		}
		x.push(choices)
		asleep = stillAsleep(c.asleep, c.last(), r.foot)
	}
	return nil
}

func (x *explorer) close(r *run) {
	x.mu.Lock()
	x.result.Steps += len(r.events)
	x.mu.Unlock()
	if x.tier.Ran != nil {
		x.tier.Ran(len(r.events))
	}
	r.Close()
}

// tries is how often a schedule is begun again in which the program did
// something else than before.
const tries = 3

// diverged notes a schedule in which a move is not possible that was before.
func (x *explorer) diverged(b branch, r *run, m race.Move) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.diverged++; b.diverged < tries {
		x.open[b.used.cost()] = append(x.open[b.used.cost()], b)
		return
	}
	if x.result.Diverged == 0 {
		x.result.Divergence = fmt.Sprintf("after %d steps %s could %s, and now only %v", len(r.events), m.Actor, m.Op, r.Moves())
		x.result.Events = r.events
	}
	x.result.Diverged++
}

// judge keeps the first schedule that breaks an invariant.
func (x *explorer) judge(r *run) bool {
	v := r.Verdict()
	if !v.Broken() {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.result.Verdict.Broken() {
		x.result.Events, x.result.Verdict = r.events, v
	}
	return true
}

// entered is how a state was entered: at what cost, and with which moves asleep.
type entered struct {
	used   Bounds
	asleep []string
}

// follows reports whether all that e leads to is explored from before.
func (e entered) follows(before entered) bool {
	return before.used.within(e.used) && !slices.ContainsFunc(before.asleep, func(s string) bool { return !slices.Contains(e.asleep, s) })
}

// enter returns those of the choices that have to be made: none if the state
// was entered at no higher cost before, but for what was asleep then and is not
// now.
func (x *explorer) enter(r *run, choices []branch, asleep []sleeper, used Bounds) []branch {
	state, order := r.fingerprint(nil)
	now := order.marks(asleep)
	x.mu.Lock()
	defer x.mu.Unlock()
	both := now
	for _, before := range x.seen[state] {
		if !before.used.within(used) {
			continue
		}
		choices = slices.DeleteFunc(choices, func(c branch) bool {
			m := c.last()
			return m.Fault != race.NoFault && m.Fault != race.Crash || !slices.Contains(before.asleep, order.mark(m.Actor, m.Fault == race.Crash))
		})
		both = slices.DeleteFunc(slices.Clone(both), func(s string) bool { return !slices.Contains(before.asleep, s) })
	}
	x.seen[state] = append(x.seen[state], entered{used, both})
	return choices
}

// choices are the branches at a point of a schedule within the bounds, by
// their last moves, but for those asleep. All crashes go to sleep for the
// others: they are tried here, and after the step of another actor only if that
// makes a difference.
func (x *explorer) choices(r *run, moves []race.Move, free bool, used Bounds, asleep []sleeper) []branch {
	asleepAfter := slices.Clip(asleep)
	if used.Crashes < x.bounds.Crashes {
		asleepAfter = append(asleepAfter, r.crashes(moves, asleep)...)
	}
	var made []race.Move
	for _, e := range r.events {
		made = append(made, moveOf(e.Step))
	}
	var choices []branch
	for _, m := range moves {
		if !free && begins(r.events) && actorOf(m.Actor) != actorOf(r.last()) {
			continue
		}
		cost := used
		switch m.Fault {
		case race.NoFault:
		case race.Crash:
			cost.Crashes++
		default:
			cost.Faults++
		}
		if m.Fault != race.Crash && !free && actorOf(m.Actor) != actorOf(r.last()) {
			cost.Preemptions++
		}
		if cost.within(x.bounds) && cost.cost() <= x.bounds.most() && !slices.ContainsFunc(asleep, func(s sleeper) bool { return s.is(m) }) {
			b := branch{moves: append(slices.Clip(made), m), used: cost, asleep: asleepAfter}
			if m.Fault == race.Crash {
				b.crash = r.crashOf(b)
			}
			choices = append(choices, b)
		}
	}
	return choices
}

// crashOf says where the crash at the end of b leads from here.
func (r *run) crashOf(b branch) crash {
	a, _ := r.lane(b.last().Actor)
	if len(a.procs) != 1 { // what is left of it goes on
		return crash{}
	}
	state, order := r.fingerprint(a)
	return crash{state, entered{b.used, order.marks(stillAsleep(b.asleep, b.last(), r.crashFootprint(a)))}}
}

func (b branch) last() race.Move { return b.moves[len(b.moves)-1] }

// push keeps the moves that are not made now for later. A crash that leads to
// where another leads at no higher cost, with no more asleep, need not be made.
func (x *explorer) push(choices []branch) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, b := range slices.Backward(choices) {
		if c := b.crash; c.state != 0 {
			if slices.ContainsFunc(x.crashed[c.state], c.follows) {
				continue
			}
			x.crashed[c.state] = append(x.crashed[c.state], c.entered)
		}
		x.open[b.used.cost()] = append(x.open[b.used.cost()], b)
	}
	x.more.Broadcast()
}

// byDefault is the move to make when nothing speaks for another one: the
// actor that moved last goes on. Where it waits for work or has gone, free says
// that any may move without a preemption.
func byDefault(moves []race.Move, last string) (pick race.Move, free bool) {
	own := func(m race.Move) bool { return m.Fault == race.NoFault }
	for _, same := range []func(string) bool{
		func(lane string) bool { return lane == last },
		func(lane string) bool { return actorOf(lane) == actorOf(last) },
	} {
		for _, m := range moves {
			if own(m) && same(m.Actor) && !rests(m) {
				return m, false
			}
		}
	}
	for _, m := range moves {
		if own(m) && actorOf(m.Actor) != actorOf(last) {
			return m, true
		}
	}
	return moves[0], true
}

// rests reports whether an actor whose next move is m is between two things
// to do.
func rests(m race.Move) bool {
	return m.Op == opStart || m.Op == opStop || m.Op == opProbe || m.Op == opRemove || m.Op == opWait
}

// begins reports whether the last event set something going. Until the first
// step of that nobody else can notice, and where others move first it can as
// well begin after them, for no more preemptions: then the oracle excuses less.
func begins(events []race.Event) bool {
	if len(events) == 0 {
		return false
	}
	switch events[len(events)-1].Op {
	case opStart, opStop, opProbe, opRun:
		return true
	}
	return false
}

// actorOf is the actor of a lane.
func actorOf(lane string) string {
	name, _, _ := strings.Cut(lane, ".")
	return name
}

// moveOf is the move that makes a recorded step.
func moveOf(s race.Step) race.Move {
	m := race.Move{Actor: s.Actor, Op: s.Op}
	switch {
	case s.Op == opCrash:
		m.Fault = race.Crash
	case strings.HasPrefix(s.Result, failing):
		m.Fault = race.Fault(s.Result)
	}
	return m
}
