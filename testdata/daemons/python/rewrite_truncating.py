"""The old pid is cut off before the new one is written: a reader in between
finds nothing."""

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
os.ftruncate(fd, 0)
os.pwrite(fd, b"%d\n" % os.getpid(), 0)
sys.stdin.read()
if same(fd, path):
    os.unlink(path)
fcntl.flock(fd, fcntl.LOCK_UN)
