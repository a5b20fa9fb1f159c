package program

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Separator stands between the values of a setting that has several.
const Separator = "\x00"

// Passes returns what says of a verdict whether it is passed over, because it is
// by design, or nil if none is. What is written as in "I4 b does not start" passes
// all verdicts of the invariant that have these words, whichever actors they name.
func (p *Program) Passes() (func(race.Verdict) bool, error) {
	if p.Pass == "" {
		return nil, nil
	}
	var passed []func(race.Verdict) bool
	for text := range strings.SplitSeq(p.Pass, Separator) {
		name, words, _ := strings.Cut(text, " ")
		invariant := race.Invariant(strings.TrimSuffix(name, ":"))
		if invariant.Meaning() == "" {
			return nil, fmt.Errorf("-pass %q: an invariant, such as I4, and words of what breaks it", text)
		}
		quoted := actorName.ReplaceAllString(regexp.QuoteMeta(strings.TrimSpace(words)), `[a-h]`)
		pattern := regexp.MustCompile(`(^|\W)` + quoted + `(\W|$)`)
		passed = append(passed, func(v race.Verdict) bool { return v.Invariant == invariant && pattern.MatchString(v.Reason) })
	}
	return func(v race.Verdict) bool {
		for _, passes := range passed {
			if passes(v) {
				return true
			}
		}
		return false
	}, nil
}

// actorName finds what may be the name of an actor.
var actorName = regexp.MustCompile(`\b[a-h]\b`)
