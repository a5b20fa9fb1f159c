"""Creates the pid file with lockfile.pidlockfile. One whose process is dead is
broken first."""

import os
import sys

from lockfile.pidlockfile import PIDLockFile

lock = PIDLockFile(sys.argv[1], timeout=-1)
pid = lock.read_pid()
if pid:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        lock.break_lock()
lock.acquire()
sys.stdin.read()
lock.release()
