"""Locks a file of its own with filelock.SoftFileLock, which removes it."""

import os
import sys

from filelock import SoftFileLock

path = sys.argv[1]
with SoftFileLock(path + ".lock").acquire(timeout=0):
    with open(path, "w") as file:
        file.write(f"{os.getpid()}\n")
    sys.stdin.read()
    os.unlink(path)
