"""Opening for writing empties the pid file before the lock is asked for: a
refused start leaves the running server's pid wiped out."""

import fcntl
import os
import sys


def same(fd, path):
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


path = sys.argv[1]
while True:
    file = open(path, "w")
    fd = file.fileno()
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("already running")
    if same(fd, path):
        break
line = b"%d\n" % os.getpid()
os.pwrite(fd, line, 0)
os.ftruncate(fd, len(line))
sys.stdin.read()
if same(fd, path):
    os.unlink(path)
fcntl.flock(fd, fcntl.LOCK_UN)
