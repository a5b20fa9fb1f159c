"""The lock file stays, and the lock goes with the close: but a child between
fork and exec has the descriptor as well."""

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
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("already running")
    if same(fd, path):
        break
    os.close(fd)
line = b"%d\n" % os.getpid()
os.pwrite(fd, line, 0)
os.ftruncate(fd, len(line))
sys.stdin.read()
if os.fork() == 0:
    os.execv("/bin/true", ["true"])
os.ftruncate(fd, 0)
os.close(fd)
