package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// endOrphans ends the processes of cases below dir that have left their group,
// as daemons do, and those that they start meanwhile.
func endOrphans(dir string) {
	mark := []byte("\x00" + caseVariable + "=" + dir + "/")
	for range 100 {
		found := false
		environments, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, path := range environments {
			environ, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(append([]byte{0}, environ...), mark) {
				continue
			}
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
		}
		if !found {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
