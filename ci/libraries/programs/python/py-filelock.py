"""Locks a file of its own with filelock.FileLock; the file stays."""

import os
import sys

from filelock import FileLock

path = sys.argv[1]
with FileLock(path + ".lock").acquire(timeout=0):
    with open(path, "w") as file:
        file.write(f"{os.getpid()}\n")
    sys.stdin.read()
    os.unlink(path)
