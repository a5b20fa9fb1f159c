package explore

import (
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Actors of one role can change places:
//
//	a: start, lock          b: start, refused
//	b: start, lock          a: start, refused
//
// are one state if a and b do the same. So a state is looked at with the actors
// in every order in which roles stay where they are, and known by the smallest of
// its fingerprints. This holds as long as nobody can tell the actors apart,
// programs, the judge and the fingerprint included: all of them must go by what
// actors did, not by their names. The moves that sleep in a state are renamed
// likewise.

// Cast is a way to call the actors: each by the name of one of its role.
type Cast struct {
	Order []int // of the actors, by their index in the case
	names *strings.Replacer
}

// Rename returns a text with each "{actor}" and "{lane}" as they are called in the cast.
func (c *Cast) Rename(text string) string {
	if c.names == nil {
		return text
	}
	return c.names.Replace(text)
}

// casts returns all casts of a case, that of the actors as they are first.
func casts(c race.Case, role func(actor string) string) (all []*Cast) {
	order := make([]int, len(c.Actors))
	for i := range order {
		order[i] = i
	}
	permute(order, 0, func(order []int) {
		var names []string
		for i, j := range order {
			is, plays := c.Actors[j].Name, c.Actors[i].Name
			if role(is) != role(plays) {
				return
			}
			names = append(names, "{"+is+"}", "{"+plays+"}", "{"+is+".", "{"+plays+".", "{"+is+" ", "{"+plays+" ")
		}
		all = append(all, &Cast{append([]int(nil), order...), strings.NewReplacer(names...)})
	})
	return all
}

// permute calls f with every order of p[k:] behind p[:k].
func permute(p []int, k int, f func([]int)) {
	if k >= len(p)-1 {
		f(p)
		return
	}
	for i := k; i < len(p); i++ {
		p[k], p[i] = p[i], p[k]
		permute(p, k+1, f)
		p[k], p[i] = p[i], p[k]
	}
}
