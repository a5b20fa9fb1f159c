//go:build amd64 || arm64

package syscalls

import (
	"maps"

	"golang.org/x/sys/unix"
)

// table has a row for each number. Those that only one architecture has stand
// in its own file.
var table = func() map[int]Call {
	all := map[int]Call{}
	for _, part := range []map[int]Call{names, descriptors, processes, channels, ofArchitecture} {
		maps.Copy(all, part)
	}
	for _, group := range append(ignored, ignoredOfArchitecture...) {
		for _, number := range group.calls {
			all[number] = Call{Ignored: group.reason}
		}
	}
	return all
}()

// numbers are the numbers of the rows that have a name.
var numbers = func() map[string]int {
	all := map[string]int{}
	for number, c := range table {
		if c.Name != "" {
			all[c.Name] = number
		}
	}
	return all
}()

func path(arg int, does Use) Operand {
	return Operand{Kind: Path, Arg: arg, Dir: None, Flags: None, Does: does}
}

func at(dir, arg int, does Use) Operand {
	return Operand{Kind: Path, Arg: arg, Dir: dir, Flags: None, Does: does}
}

func fd(arg int, does Use) Operand {
	return Operand{Kind: FD, Arg: arg, Dir: None, Flags: None, Does: does}
}

func other(kind Kind, arg int, does Use) Operand {
	return Operand{Kind: kind, Arg: arg, Dir: None, Flags: None, Does: does}
}

// follow is the operand of a call that follows a link at the end.
func (o Operand) follow() Operand {
	o.Follows = true
	return o
}

// flags is the operand of a call with AT_ flags.
func (o Operand) flags(arg int) Operand {
	o.Flags = arg
	return o
}

func on(operands ...Operand) []Operand { return operands }

// names are the calls that go by names.
var names = map[int]Call{
	unix.SYS_OPENAT:     {Name: "openat", Operands: on(at(0, 1, Opens).follow()), Waits: ForPeer, Fails: Opening, Words: []Word{{OpenFlags, 2}}},
	unix.SYS_OPENAT2:    {Name: "openat2", Operands: on(at(0, 1, Opens).follow()), Waits: ForPeer, Fails: Opening, Words: []Word{{OpenHow, 2}}},
	unix.SYS_NEWFSTATAT: {Name: "newfstatat", Operands: on(at(0, 1, SeesNode).follow().flags(3)), Fails: Looking, Shows: Shown{Stat, 2}},
	unix.SYS_STATX:      {Name: "statx", Operands: on(at(0, 1, SeesNode).follow().flags(2)), Fails: Looking, Shows: Shown{Statx, 4}},
	unix.SYS_FACCESSAT:  {Name: "faccessat", Operands: on(at(0, 1, SeesMode).follow()), Fails: Looking},
	unix.SYS_FACCESSAT2: {Name: "faccessat2", Operands: on(at(0, 1, SeesMode).follow().flags(3)), Fails: Looking},
	unix.SYS_READLINKAT: {Name: "readlinkat", Operands: on(at(0, 1, SeesContent)), Fails: Looking, Shows: Shown{Bytes, 2}},
	unix.SYS_TRUNCATE:   {Name: "truncate", Operands: on(path(0, Writes).follow()), Fails: Truncating, Words: []Word{{Length, 1}}},
	unix.SYS_RENAMEAT:   {Name: "renameat", Operands: on(at(0, 1, Takes), at(2, 3, Puts)), Fails: Renaming},
	unix.SYS_RENAMEAT2:  {Name: "renameat2", Operands: on(at(0, 1, Takes), at(2, 3, Puts)), Fails: Renaming},
	unix.SYS_LINKAT:     {Name: "linkat", Operands: on(at(0, 1, Links).flags(4), at(2, 3, Makes)), Fails: Making},
	unix.SYS_SYMLINKAT:  {Name: "symlinkat", Operands: on(at(1, 2, Makes)), Fails: Making},
	unix.SYS_UNLINKAT:   {Name: "unlinkat", Operands: on(at(0, 1, Takes)), Fails: Removing},
	unix.SYS_MKDIRAT:    {Name: "mkdirat", Operands: on(at(0, 1, Makes)), Fails: Making},
	unix.SYS_MKNODAT:    {Name: "mknodat", Operands: on(at(0, 1, Makes)), Fails: Making},

	unix.SYS_FCHMODAT:     {Name: "fchmodat", Operands: on(at(0, 1, SetsMode).follow()), Words: []Word{{Mode, 2}}},
	unix.SYS_FCHMODAT2:    {Name: "fchmodat2", Operands: on(at(0, 1, SetsMode).follow().flags(3)), Words: []Word{{Mode, 2}}},
	unix.SYS_FCHOWNAT:     {Name: "fchownat", Operands: on(at(0, 1, SetsMode).follow().flags(4))},
	unix.SYS_UTIMENSAT:    {Name: "utimensat", Operands: on(at(0, 1, SetsTimes).follow().flags(3))},
	unix.SYS_SETXATTR:     {Name: "setxattr", Operands: on(path(0, SetsMode).follow())},
	unix.SYS_LSETXATTR:    {Name: "lsetxattr", Operands: on(path(0, SetsMode))},
	unix.SYS_SETXATTRAT:   {Name: "setxattrat", Operands: on(at(0, 1, SetsMode).follow().flags(2))},
	unix.SYS_REMOVEXATTR:  {Name: "removexattr", Operands: on(path(0, SetsMode).follow())},
	unix.SYS_LREMOVEXATTR: {Name: "lremovexattr", Operands: on(path(0, SetsMode))},

	unix.SYS_REMOVEXATTRAT: {Name: "removexattrat", Operands: on(at(0, 1, SetsMode).follow().flags(2))},
	unix.SYS_GETXATTR:      {Name: "getxattr", Operands: on(path(0, SeesMode).follow()), Shows: Shown{Bytes, 2}},
	unix.SYS_LGETXATTR:     {Name: "lgetxattr", Operands: on(path(0, SeesMode)), Shows: Shown{Bytes, 2}},
	unix.SYS_GETXATTRAT:    {Name: "getxattrat", Operands: on(at(0, 1, SeesMode).follow().flags(2)), Shows: Shown{Number, None}},
	unix.SYS_LISTXATTR:     {Name: "listxattr", Operands: on(path(0, SeesMode).follow()), Shows: Shown{Bytes, 1}},
	unix.SYS_LLISTXATTR:    {Name: "llistxattr", Operands: on(path(0, SeesMode)), Shows: Shown{Bytes, 1}},
	unix.SYS_LISTXATTRAT:   {Name: "listxattrat", Operands: on(at(0, 1, SeesMode).follow().flags(2)), Shows: Shown{Bytes, 3}},
	unix.SYS_FILE_GETATTR:  {Name: "file_getattr", Operands: on(at(0, 1, SeesMode).follow().flags(4)), Shows: Shown{Number, None}},
	unix.SYS_FILE_SETATTR:  {Name: "file_setattr", Operands: on(at(0, 1, SetsMode).follow().flags(4))},

	unix.SYS_CHDIR:             {Name: "chdir", Operands: on(path(0, SeesMode).follow())},
	unix.SYS_CHROOT:            {Name: "chroot", Operands: on(path(0, SeesMode).follow())},
	unix.SYS_GETCWD:            {Name: "getcwd", Operands: on(other(Cwd, None, SeesMode)), Shows: Shown{Bytes, 0}},
	unix.SYS_OPEN_TREE:         {Name: "open_tree", Operands: on(at(0, 1, SeesMode).follow().flags(2))},
	unix.SYS_OPEN_TREE_ATTR:    {Name: "open_tree_attr", Operands: on(at(0, 1, SeesMode).follow().flags(2))},
	unix.SYS_NAME_TO_HANDLE_AT: {Name: "name_to_handle_at", Operands: on(at(0, 1, SeesMode).flags(4))},

	unix.SYS_EXECVE:   {Name: "execve", Operands: on(path(0, SeesContent|SeesMode|Executes).follow()), Words: []Word{{Program, 0}}},
	unix.SYS_EXECVEAT: {Name: "execveat", Operands: on(at(0, 1, SeesContent|SeesMode|Executes).follow().flags(4)), Words: []Word{{Program, 1}}},
}

// lockCommands are those of fcntl's commands that are about locks or leases.
var lockCommands = []Test{
	{Arg: 1, Min: unix.F_GETLK, Max: unix.F_SETLKW}, {Arg: 1, Min: unix.F_OFD_GETLK, Max: unix.F_OFD_SETLKW}, {Arg: 1, Min: unix.F_SETLEASE, Max: unix.F_GETLEASE},
}

const fioqsize = 0x5460 // asm-generic/ioctls.h

// fileCommands are those of ioctl's that are about files: how much there is to
// read, how large they are, copies that share blocks, and attributes.
var fileCommands = []Test{
	{Arg: 1, Min: unix.TIOCINQ, Max: unix.TIOCINQ}, {Arg: 1, Min: fioqsize, Max: fioqsize},
	{Arg: 1, Min: unix.FICLONE, Max: unix.FICLONE}, {Arg: 1, Min: unix.FICLONERANGE, Max: unix.FICLONERANGE},
	{Arg: 1, Min: unix.FIDEDUPERANGE, Max: unix.FIDEDUPERANGE},
	{Arg: 1, Min: unix.FS_IOC_GETFLAGS, Max: unix.FS_IOC_GETFLAGS}, {Arg: 1, Min: unix.FS_IOC_SETFLAGS, Max: unix.FS_IOC_SETFLAGS},
}

// descriptors are the calls on what is open.
var descriptors = map[int]Call{
	unix.SYS_READ:            {Name: "read", Operands: on(fd(0, SeesContent)), Waits: ForPeer, Fails: Reading, Shows: Shown{Bytes, 1}},
	unix.SYS_PREAD64:         {Name: "pread64", Operands: on(fd(0, SeesContent)), Fails: Reading, Shows: Shown{Bytes, 1}},
	unix.SYS_READV:           {Name: "readv", Operands: on(fd(0, SeesContent)), Waits: ForPeer, Fails: Reading, Shows: Shown{Vector, 1}},
	unix.SYS_PREADV:          {Name: "preadv", Operands: on(fd(0, SeesContent)), Fails: Reading, Shows: Shown{Vector, 1}},
	unix.SYS_PREADV2:         {Name: "preadv2", Operands: on(fd(0, SeesContent)), Fails: Reading, Shows: Shown{Vector, 1}},
	unix.SYS_WRITE:           {Name: "write", Operands: on(fd(0, Writes)), Waits: ForPeer, Fails: Writing, Words: []Word{{Data, 1}}},
	unix.SYS_PWRITE64:        {Name: "pwrite64", Operands: on(fd(0, Writes)), Fails: Writing, Words: []Word{{Data, 1}, {Offset, 3}}},
	unix.SYS_WRITEV:          {Name: "writev", Operands: on(fd(0, Writes)), Waits: ForPeer, Fails: Writing, Words: []Word{{Parts, 1}}},
	unix.SYS_PWRITEV:         {Name: "pwritev", Operands: on(fd(0, Writes)), Fails: Writing, Words: []Word{{Parts, 1}, {Offset, 3}}},
	unix.SYS_PWRITEV2:        {Name: "pwritev2", Operands: on(fd(0, Writes)), Fails: Writing, Words: []Word{{Parts, 1}, {Offset, 3}}},
	unix.SYS_SENDFILE:        {Name: "sendfile", Operands: on(fd(1, SeesContent), fd(0, Writes)), Waits: ForPeer, Shows: Shown{Source, 1}},
	unix.SYS_COPY_FILE_RANGE: {Name: "copy_file_range", Operands: on(fd(0, SeesContent), fd(2, Writes)), Shows: Shown{Source, 0}},
	unix.SYS_SPLICE:          {Name: "splice", Operands: on(fd(0, SeesContent), fd(2, Writes)), Waits: ForPeer, Shows: Shown{Source, 0}},
	unix.SYS_TEE:             {Name: "tee", Operands: on(fd(0, SeesContent), fd(1, Writes)), Waits: ForPeer, Shows: Shown{Source, 0}},
	unix.SYS_VMSPLICE:        {Name: "vmsplice", Operands: on(fd(0, Writes|SeesContent)), Waits: ForPeer},
	unix.SYS_FTRUNCATE:       {Name: "ftruncate", Operands: on(fd(0, Writes)), Fails: Truncating, Words: []Word{{Length, 1}}},
	unix.SYS_FALLOCATE:       {Name: "fallocate", Operands: on(fd(0, Writes))},
	unix.SYS_LSEEK:           {Name: "lseek", Operands: on(fd(0, SeesContent)), Only: []Test{{Arg: 2, Min: unix.SEEK_END, Max: unix.SEEK_HOLE}}, Shows: Shown{Number, None}},
	unix.SYS_IOCTL:           {Name: "ioctl", Operands: on(fd(0, SeesContent|SeesMode|Writes|SetsMode)), Only: fileCommands, Shows: Shown{Number, None}},

	unix.SYS_FSTAT:        {Name: "fstat", Operands: on(fd(0, SeesNode)), Fails: Looking, Shows: Shown{Stat, 1}},
	unix.SYS_FCHMOD:       {Name: "fchmod", Operands: on(fd(0, SetsMode)), Words: []Word{{Mode, 1}}},
	unix.SYS_FCHOWN:       {Name: "fchown", Operands: on(fd(0, SetsMode))},
	unix.SYS_FSETXATTR:    {Name: "fsetxattr", Operands: on(fd(0, SetsMode))},
	unix.SYS_FREMOVEXATTR: {Name: "fremovexattr", Operands: on(fd(0, SetsMode))},
	unix.SYS_FGETXATTR:    {Name: "fgetxattr", Operands: on(fd(0, SeesMode)), Shows: Shown{Bytes, 2}},
	unix.SYS_FLISTXATTR:   {Name: "flistxattr", Operands: on(fd(0, SeesMode)), Shows: Shown{Bytes, 1}},
	unix.SYS_GETDENTS64:   {Name: "getdents64", Operands: on(fd(0, SeesEntries)), Shows: Shown{Entries, 1}},
	unix.SYS_FCHDIR:       {Name: "fchdir", Operands: on(fd(0, SeesMode))},

	unix.SYS_FLOCK:       {Name: "flock", Operands: on(fd(0, Locks)), Waits: ForLock, Fails: Locking, Words: []Word{{LockOp, 1}}},
	unix.SYS_FCNTL:       {Name: "fcntl", Operands: on(fd(0, Locks)), Only: lockCommands, Waits: ForLock, Fails: Locking, Shows: Shown{Lock, 2}, Words: []Word{{LockCommand, 1}}},
	unix.SYS_CLOSE:       {Name: "close", Operands: on(fd(0, Drops)), Fails: Closing},
	unix.SYS_DUP3:        {Name: "dup3", Operands: on(fd(1, Drops))},
	unix.SYS_CLOSE_RANGE: {Name: "close_range", Operands: on(other(FDs, 0, Drops))},

	unix.SYS_FSYNC:           {Name: "fsync", Operands: on(fd(0, 0)), Ignored: durable},
	unix.SYS_FDATASYNC:       {Name: "fdatasync", Operands: on(fd(0, 0)), Ignored: durable},
	unix.SYS_SYNC_FILE_RANGE: {Name: "sync_file_range", Operands: on(fd(0, 0)), Ignored: durable},
}
