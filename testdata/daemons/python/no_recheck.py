"""The file that is locked may have lost its name to a server that stopped."""

import fcntl
import os
import sys


def same(fd, path):
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


path = sys.argv[1]
fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
try:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit("already running")
line = b"%d\n" % os.getpid()
os.pwrite(fd, line, 0)
os.ftruncate(fd, len(line))
sys.stdin.read()
if same(fd, path):
    os.unlink(path)
fcntl.flock(fd, fcntl.LOCK_UN)
