package explore

import "slices"

// A Footprint is what a step has to do with: the objects it looks at and those
// it changes.
type Footprint struct {
	Reads, Writes []Object
	Unknown       bool // it may have to do with anything
	Visible       bool // the judge sees something change
}

// Object is what a step can look at or change: one aspect of a file, or
// something that processes share besides files.
type Object struct {
	Aspect Aspect
	// Name is the name itself, or for other aspects of a file the name that it
	// had first, without what differs from run to run.
	Name string
	// File tells the files apart that had the same name first, as long as the
	// moves before are the same; 0 for what is not the aspect of one file.
	File int
}

// Aspect is what of a file, or besides files, an [Object] is.
type Aspect uint8

// The aspects.
const (
	Name      Aspect = iota + 1 // what a name stands for, or that it stands for nothing
	Content                     // bytes and size, or where a link leads
	Locks                       // who has which locks
	Entries                     // a directory's names, and its times with them
	Mode                        // permissions, owner, number of names
	Times                       // when it was looked at and changed
	Offset                      // where reading goes on, of an open file that processes share
	Processes                   // who lives: whoever reads a pid may look for its owner
	Clock                       // the time of day
)

// Commutes reports whether two adjacent steps of different processes may change
// places without anybody noticing, the judge included.
func (f Footprint) Commutes(g Footprint) bool {
	return !f.Unknown && !g.Unknown && !(f.Visible && g.Visible) &&
		disjoint(f.Reads, g.Writes) && disjoint(f.Writes, g.Reads) &&
		!slices.ContainsFunc(f.Writes, func(o Object) bool { return o.Aspect != Entries && slices.Contains(g.Writes, o) })
}

// The last line of Commutes leaves out what is in a directory: two steps that
// change it have nothing to do with each other, unless by a name.

func disjoint(a, b []Object) bool {
	return !slices.ContainsFunc(a, func(o Object) bool { return slices.Contains(b, o) })
}

// OnlyLooks reports whether the step changes nothing, of what the judge knows
// neither.
func (f Footprint) OnlyLooks() bool { return !f.Unknown && !f.Visible && len(f.Writes) == 0 }

// Read adds objects that the step looks at.
func (f *Footprint) Read(objects ...Object) { f.Reads = append(f.Reads, objects...) }

// Write adds objects that the step changes.
func (f *Footprint) Write(objects ...Object) { f.Writes = append(f.Writes, objects...) }

// Lasting returns a footprint that means the same in every schedule of a case.
func (f Footprint) Lasting() Footprint {
	for _, objects := range []*[]Object{&f.Reads, &f.Writes} {
		*objects = slices.Clone(*objects)
		for i := range *objects {
			(*objects)[i].File = 0
		}
	}
	return f
}
