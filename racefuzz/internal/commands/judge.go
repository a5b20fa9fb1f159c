package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/content"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Word is what the rules say about an end.
type Word struct {
	Rule   race.Invariant // the one that was broken, or ""
	Reason string         // in words
	File   string         // where it shows; "" if in no file
	// Refused are the commands that failed without effect, with how they ended,
	// and Left the files that no order leaves: neither breaks a rule.
	Refused []string
	Left    []string
}

// Judge judges what the commands left, all of which have ended: it looks for an
// order of those that ran in which they end the same and leave the same. A
// command that failed may count as one that never ran.
func (k *Known) Judge(ends []Ending, s Snapshot) (Word, error) {
	got, told, err := k.normal(s)
	if err != nil {
		return Word{}, err
	}
	left, rest := got.Beyond(states(told))
	w := Word{Left: left}
	for i, o := range k.orders {
		if refused, ok := o.fits(ends); ok && told[i].State.Text() == rest.Text() {
			if len(refused) == 0 {
				w.Refused = nil
				return w, nil
			}
			if w.Refused == nil {
				for _, who := range refused {
					w.Refused = append(w.Refused, fmt.Sprintf("%s, %s", race.ActorName(who), ends[who]))
				}
			}
		}
	}
	if w.Refused != nil {
		return w, nil
	}
	k.accuse(&w, ends, got, rest, told)
	return w, nil
}

// JudgeAgain judges a command that was killed and run again: it must end, and
// leave, as if it had run once.
func (k *Known) JudgeAgain(who int, end Ending, s Snapshot) (Word, error) {
	got, told, err := k.normal(s)
	if err != nil {
		return Word{}, err
	}
	left, rest := got.Beyond(states(told))
	w := Word{Left: left}
	i := slices.IndexFunc(k.orders, func(o Order) bool { return len(o.Who) == 1 && o.Who[0] == who })
	name := race.ActorName(who)
	switch once := k.orders[i]; {
	case end.Waits != "":
		w.Rule, w.Reason = race.KilledCommandsRunAgain, name+", run again, does not come to an end"
	case end.String() != once.Ends[0].String():
		w.Rule, w.Reason = race.KilledCommandsRunAgain, fmt.Sprintf("%s, run again, ends with %s, and it says %q", name, end, end.Said)
	case told[i].State.Text() != rest.Text():
		w.Rule = race.KilledCommandsRunAgain
		if found := content.Explain(rest, once.Names(), told); len(found) > 0 {
			w.Reason, w.File = "run again, "+found[0].Sentence, found[0].File
		}
	}
	return w, nil
}

// Whole reports whether the snapshot is what is found before or after some of
// the commands, in some order.
func (k *Known) Whole(s Snapshot) (bool, error) {
	got, told, err := k.normal(s)
	if err != nil {
		return false, err
	}
	text := got.Text()
	return slices.ContainsFunc(told, func(t content.Told) bool { return t.State.Text() == text }), nil
}

// fits reports whether the commands of the order ended as they did in it, and
// all others failed: those are returned.
func (o Order) fits(ends []Ending) (refused []int, ok bool) {
	for who, end := range ends {
		before := o.exit(who)
		switch {
		case before == nil && !end.Failed(), before != nil && before.String() != end.String():
			return nil, false
		case before == nil:
			refused = append(refused, who)
		}
	}
	return refused, true
}

func states(told []content.Told) (out []content.Normal) {
	for _, t := range told {
		out = append(out, t.State)
	}
	return out
}

// normal returns the state that was left and those of the orders, all with the
// same names.
func (k *Known) normal(s Snapshot) (content.Normal, []content.Told, error) {
	full, err := k.place.States(append(slices.Clip(k.names), s))
	if err != nil {
		return nil, nil, err
	}
	var told []content.Told
	for i, o := range k.orders {
		told = append(told, content.Told{Order: o.Names(), State: k.Rules.Normal(full[2*i])})
	}
	return k.Rules.Normal(full[len(full)-1]), told, nil
}

// accuse says which rule was broken, and how.
func (k *Known) accuse(w *Word, ends []Ending, got, rest content.Normal, told []content.Told) {
	var ran, failed []string
	for who, end := range ends {
		if name := race.ActorName(who); end.Failed() {
			failed = append(failed, fmt.Sprintf("%s fails (%s)", name, end))
		} else {
			ran = append(ran, name)
		}
	}
	w.Rule = race.Serializable
	if len(failed) > 0 {
		w.Rule = race.FailuresChangeNothing
	}
	if reason := k.endings(ends, rest, told); reason != "" {
		w.Reason = reason
		return
	}
	found := content.Explain(rest, ran, told)
	if len(found) == 0 { // it is the state of an order in which they end in another way
		found = []content.Difference{{Sentence: "they do not end as in any order"}}
	}
	w.Reason, w.File = found[0].Sentence, found[0].File
	if len(failed) > 0 {
		w.Reason = strings.Join(failed, ", ") + ", and yet " + w.Reason
	}
}

// endings tells of commands that left what some order leaves, but ended in
// another way.
func (k *Known) endings(ends []Ending, rest content.Normal, told []content.Told) string {
	for i, o := range k.orders {
		if len(o.Who) != len(ends) || told[i].State.Text() != rest.Text() {
			continue
		}
		for who, end := range ends {
			before := o.exit(who)
			if before.String() == end.String() {
				continue
			}
			name := race.ActorName(who)
			if end.Failed() && !before.Failed() {
				return fmt.Sprintf("%s fails (%s), and yet all that it does is done", name, end)
			}
			return fmt.Sprintf("%s ends with %s: %s", name, end, k.after(who))
		}
	}
	return ""
}

// after tells how a command ends in the orders of all.
func (k *Known) after(who int) string {
	var parts []string
	most := slices.MaxFunc(k.orders, func(a, b Order) int { return cmp.Compare(len(a.Who), len(b.Who)) })
	for _, o := range k.orders {
		if len(o.Who) == len(most.Who) {
			parts = append(parts, fmt.Sprintf("after %s it is %s", o, o.exit(who)))
		}
	}
	return strings.Join(parts, ", ")
}
