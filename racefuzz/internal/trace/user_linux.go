package trace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Root is kept out of nothing by the mode bits of a file. A program that counts on
// them is judged fairly only where it runs as somebody else.

// runAs has all programs of a case run as somebody else than who runs this.
func (r *run) runAs(who *user.User) error {
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(who.Gid, 10, 32)
	if err := errors.Join(err, gidErr); err != nil {
		return err
	}
	c := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	groups, err := who.GroupIds()
	if err != nil {
		return err
	}
	for _, text := range groups {
		if id, err := strconv.ParseUint(text, 10, 32); err == nil {
			c.Groups = append(c.Groups, uint32(id))
		}
	}
	r.as, r.account = c, who
	for _, dir := range []string{r.tier.Dir, r.base} { // which he has to get through
		if dir == "" {
			continue
		}
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return reaches(c, r.base)
}

// reaches returns an error unless somebody may enter a directory and all that it is in.
func reaches(c *syscall.Credential, dir string) error {
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil {
			return err
		}
		may := st.Mode & unix.S_IXOTH
		switch {
		case st.Uid == c.Uid:
			may = st.Mode & unix.S_IXUSR
		case st.Gid == c.Gid || slices.Contains(c.Groups, st.Gid):
			may = st.Mode & unix.S_IXGRP
		}
		if may == 0 {
			return fmt.Errorf("-user: user %d may not enter %s: let TMPDIR name a directory that everybody may enter", c.Uid, dir)
		}
	}
	return nil
}

// giveAway makes whom the programs run as the owner of all that is in the directory.
func (r *run) giveAway(root *os.Root) error {
	if r.as == nil {
		return nil
	}
	return fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(name, int(r.as.Uid), int(r.as.Gid))
	})
}

// surroundings are the environment of whom the programs run as.
func (r *run) surroundings() []string {
	env := os.Environ()
	if r.account != nil {
		env = append(env, "HOME="+r.account.HomeDir, "USER="+r.account.Username, "LOGNAME="+r.account.Username)
	}
	return env
}

// noteRoot notices a call of a daemon that opens a file which its mode keeps all but
// root from opening so.
func (r *run) noteRoot(k *task) {
	flags, opens := k.call.openFlags(k.tid)
	if !opens || r.tier.commands != nil || r.as != nil || os.Geteuid() != 0 {
		return
	}
	needs := uint32(unix.S_IRUSR)
	switch flags & unix.O_ACCMODE {
	case unix.O_WRONLY:
		needs = unix.S_IWUSR
	case unix.O_RDWR:
		needs |= unix.S_IWUSR
	}
	var st unix.Stat_t
	if unix.Stat(r.path(k.call.file), &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&needs != needs {
		r.notice(k.proc.actor, fmt.Sprintf("opens %s, of mode %#o, as root (see -user)", r.maskName(k.call.file), st.Mode&0o777))
	}
}
