//go:build amd64 || arm64

package syscalls

import (
	"iter"
	"maps"
)

// Args are the arguments of a call, as the registers have them.
type Args [6]uint64

// Call is a row of the table.
type Call struct {
	Name     string
	Operands []Operand // what it is about, in the order in which people name it
	Only     []Test    // it is of interest only if one of these holds; none: always
	Waits    Waits     // when it may sleep until another process moves
	Fails    Family    // what it can fail with; 0: nothing
	Shows    Shown     // what its caller is shown, beyond the number that it returns
	Words    []Word    // its other operands, for people
	Channel  string    // in a few words, how processes talk by it so that nobody can follow, or ""
	Ignored  string    // why it is of no interest, or ""
}

// Operand is something that a call is about.
type Operand struct {
	Kind    Kind
	Arg     int  // the argument that says what
	Dir     int  // the argument with the directory that a path is relative to; None: the working directory
	Flags   int  // the argument with AT_ flags, or None
	Follows bool // a link at the end of the path is followed, unless the flags say otherwise
	Does    Use
}

// None stands for an argument that there is not.
const None = -1

// Kind says how an argument names something.
type Kind int

// The kinds of operands.
const (
	Path    Kind = iota
	FD           // a descriptor
	FDs          // all descriptors from this argument to the next
	Address      // of a socket, its length in the next argument
	PID          // of a process; 0 is the own
	Group        // a pid, or a negative one for a group, or -1 for all
	PIDFD        // a descriptor of a process
	Cwd          // the working directory
	Parent       // the process that began this one
	Self         // the process itself
)

// Use is what a call does with an operand, which it finds by its name or has open.
type Use uint32

// The uses.
const (
	SeesNode    Use = 1 << iota // what stat tells: kind, mode, owner, size, links, times
	SeesMode                    // what access tells
	SeesContent                 // of a link, where it leads
	SeesEntries                 // of a directory
	SeesLocks
	SeesLife // whether a process lives
	Writes   // the content
	SetsMode // or the owner, or attributes
	SetsTimes
	Makes   // a name, which must not be there
	Puts    // a name, instead of what is there
	Takes   // a name away
	Links   // it has one more name
	Opens   // as its flags say
	Creates // a name, unless it is there
	Locks
	Drops    // locks, by closing
	Executes // a program, and closes what is to be closed then
	Signals
	Ends
	Maps  // it into memory
	Talks // by it, as a socket
)

// changing are the uses that another process can notice.
const changing = Writes | SetsMode | SetsTimes | Creates | Makes | Puts | Takes | Links | Locks | Drops | Executes | Signals | Ends | Maps | Talks

// Waits says when a call may sleep until another process moves.
type Waits int

// The ways to wait.
const (
	Never Waits = iota
	ForLock
	ForPeer // of a FIFO
)

// Test is a condition on an argument's lower 32 bits.
type Test struct {
	Arg      int
	Min, Max uint32 // it lies in between
	Without  uint32 // or, if this is not 0, has none of these bits
}

// Holds reports whether the condition holds.
func (t Test) Holds(args Args) bool {
	v := uint32(args[t.Arg])
	if t.Without != 0 {
		return v&t.Without == 0
	}
	return t.Min <= v && v <= t.Max
}

// Shown says where the caller finds what it is shown.
type Shown struct {
	As  Form
	Arg int // the argument with the address
}

// Form is the form in which a call shows something.
type Form int

// The forms.
const (
	Nothing Form = iota
	Bytes        // as many as the call returns
	Vector       // the same in parts, as many as the next argument says
	Stat         // a struct stat
	Statx        // a struct statx
	Entries      // of a directory, as many bytes as the call returns
	Lock         // a struct flock, of calls that ask for one
	Number       // what the call returns
	Source       // what the call takes from a file and passes on
)

// Word is an operand in words.
type Word struct {
	As  Style
	Arg int
}

// Style is how an operand is put into words.
type Style int

// The styles.
const (
	OpenFlags   Style = iota
	OpenHow           // the flags in a struct open_how
	LockOp            // of flock
	LockCommand       // of fcntl, a struct flock in the next argument
	Length
	Data  // its size in the next argument
	Parts // the same in parts, their number in the next argument
	Offset
	Mode
	Signal // its target is the first argument
	Program
	Status
)

// Of returns the row of a number. There is none of numbers that are newer than
// the table.
func Of(number int) (Call, bool) {
	c, known := table[number]
	return c, known
}

// Named returns the row of a call by its name.
func Named(name string) (Call, bool) {
	number, known := numbers[name]
	return table[number], known
}

// All are the rows by their numbers.
func All() iter.Seq2[int, Call] { return maps.All(table) }

// FollowsLink reports whether the call follows a link at the end of the operand's path.
func (o Operand) FollowsLink(args Args) bool {
	const nofollow, follow = 0x100, 0x400 // AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW
	if o.Flags == None {
		return o.Follows
	}
	return o.Follows && args[o.Flags]&nofollow == 0 || !o.Follows && args[o.Flags]&follow != 0
}

// Interests reports whether the arguments make the call one of interest.
func (c Call) Interests(args Args) bool {
	for _, test := range c.Only {
		if test.Holds(args) {
			return true
		}
	}
	return c.Ignored == "" && len(c.Only) == 0
}

// Does reports whether the call does one of these with some operand.
func (c Call) Does(use Use) bool {
	for _, o := range c.Operands {
		if o.Does&use != 0 {
			return true
		}
	}
	return false
}

// Changes reports whether the call may change what other processes see. Of one
// that opens, that is up to its flags.
func (c Call) Changes() bool { return c.Does(changing) }
