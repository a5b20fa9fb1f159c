// Package judge decides whether an invariant is broken. It is told facts, in
// the order in which they are certain, and knows nothing of the world that they
// are from: a file system in memory, a real one, programs stopped at their
// system calls, or processes seen from outside. Each invariant is decided in a
// file of its own, named after it.
//
// What is seen from outside is only another order of the same facts. A server
// that answers that it is the holder is put down as serving once the answer is
// over, and as told to stop before it is told. What is read, or asked, is two
// facts with a window between them: what it says must have been true at some
// moment of that window.
package judge

// Kind says what a [Fact] is.
type Kind uint8

// The kinds of facts.
const (
	None Kind = iota

	// What befalls a life.
	Begins   // it starts
	Visits   // a command starts that is no server, such as an uninstall; with Failed it will be refused
	Tries    // it goes by locks: it is nobody's rival any more unless it has one
	Locks    // it has an exclusive lock on Object, which is or was the pid file, or 0 for one that cannot be told
	Unlocks  // it has that lock no more
	Serves   // it is the server; since the beginning of Window, if it has one
	Stands   // it is certainly not the recorded server; with Open it serves as a standby; with State [Held] because it was refused
	Wakes    // it may become the recorded server from now on
	Told     // it is told to stop; with Open in a way that who does not yet live cannot notice
	Exits    // its process has ended as Said has it: with Failed not as one that was told to, with Open with an error in words
	Ends     // it is over: of itself before it served, or in order
	Crashes  // it is over without having been able to clean up
	Fails    // a call of its present operation is made to fail
	Returns  // the command that has started it has ended, and said that all is well
	Outlives // it was told to stop, and has not in its time

	// What happens to the pid file.
	Changes // Who makes it File
	Robs    // somebody removes it who knows no better
	Looks   // Window begins: somebody reads, or a server asks
	Saw     // what a reader found in Window: File
	Emptied // a reader finds nothing in the file that it found a pid in

	// What is asked and answered.
	Asks     // the same as Looks, for a probe; with Open for a command that may be in the way of others
	Answers  // a probe says State and PID of Window
	Heard    // a server asked in Window whether its file is still its own, and was told State
	Idles    // a server's time to be succeeded, or to succeed, has passed
	Mute     // a server has not answered as it should: Said
	Answered // a server has answered its first request
	Drained  // a server that was told to stop gives up what it has in hand
	Errs     // what was asked of a server in Window failed: Said

	// What is stored.
	Adds   // Name is about to be stored by a server
	Stores // and is acknowledged
	Owes   // and was not, by a server that has ended
	Lists  // Names is all that was stored, in Window
	Finds  // somebody finds Said in the place of the store

	// What is left.
	Remains   // Name is in the directory when nobody lives any more
	Removes   // Who removes the store
	Misses    // a server finds the store gone that it had seen
	Clobbers  // Who does what must not be done, as Said has it
	Lingers   // somebody whose server has crashed is at work, with Open, or no longer
	Endless   // Who never comes to an end
	Exhausted // nothing will happen any more
)

// State is what a probe or a server says of the pid file.
type State uint8

const (
	Unknown State = iota // it does not say, or fails
	Nobody               // nobody holds it
	Held                 // somebody does
	Lost                 // it is no longer the asking server's
)

// Fact is something that is certain.
type Fact struct {
	Kind   Kind
	Event  int    // index of the event that shows it
	Who    int    // the actor, counted from 0
	Name   string // of the actor that begins, of what remains, or the operation that changes
	PID    int    // of the process that begins, or that is named; 0 for none
	Object int
	File   File
	Window int // 1 for the first, or 0 for none
	State  State
	Said   string // in words, for people
	Names  []string
	Failed bool // it ends, or answers, with an error that is not State's
	Open   bool // it ends and keeps the file open
}

// File is what the pid file's name means and holds.
type File struct {
	Object   int // which file it is, counted from 1; 0 for none
	Content  string
	Readable bool
	Removed  bool // it has the name only until all have closed it
}
