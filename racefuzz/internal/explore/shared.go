package explore

import (
	"encoding/binary"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// An exploration keeps the beginnings of all schedules that it still has to run,
// which are more than those that it has run. They are small because what is alike
// is kept once.

// Most is the most of anything that [Bounds] may allow.
const Most = 255

// spending is [Bounds] as they are kept, a byte for each.
type spending [3]uint8

func (b Bounds) kept() spending {
	return spending{uint8(b.Preemptions), uint8(b.Crashes), uint8(b.Faults)}
}

func (s spending) bounds() Bounds { return Bounds{int(s[0]), int(s[1]), int(s[2])} }

// theMove is the one that all nodes have which are alike.
func (x *search) theMove(m race.Move) *race.Move {
	known, ok := x.moves.Load(m)
	if !ok {
		known, _ = x.moves.LoadOrStore(m, &m)
	}
	return known.(*race.Move)
}

// theSleeper is the one that sleeps wherever one like it does.
func (x *search) theSleeper(s sleeper) *sleeper {
	key := s.text()
	known, ok := x.sleepers.Load(key)
	if !ok {
		known, _ = x.sleepers.LoadOrStore(key, &s)
	}
	return known.(*sleeper)
}

// text says all that there is to say of a sleeper.
func (s *sleeper) text() string {
	b := append([]byte(s.lane), 0)
	for _, is := range []bool{s.crash, s.foot.Unknown, s.foot.Visible} {
		bit := byte(0)
		if is {
			bit = 1
		}
		b = append(b, bit)
	}
	for _, objects := range [][]Object{s.foot.Reads, s.foot.Writes} {
		b = binary.AppendUvarint(b, uint64(len(objects)))
		for _, o := range objects {
			b = binary.AppendUvarint(append(b, byte(o.Aspect)), uint64(o.File))
			b = append(append(b, o.Name...), 0)
		}
	}
	return string(b)
}

// marks are those of sleepers, as they are called in a cast.
func (x *search) marks(c *Cast, asleep []*sleeper) []string {
	if len(asleep) == 0 {
		return nil
	}
	all := make([]string, len(asleep))
	for i, s := range asleep {
		all[i] = s.mark(c)
	}
	key := strings.Join(all, "\x00")
	known, ok := x.marked.Load(key)
	if !ok {
		known, _ = x.marked.LoadOrStore(key, all)
	}
	return known.([]string)
}
