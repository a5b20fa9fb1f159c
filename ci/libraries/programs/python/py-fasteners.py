"""Locks a file of its own with fasteners.InterProcessLock; the file stays."""

import os
import sys

import fasteners

path = sys.argv[1]
lock = fasteners.InterProcessLock(path + ".lock")
if not lock.acquire(blocking=False):
    sys.exit("already running")
with open(path, "w") as file:
    file.write(f"{os.getpid()}\n")
sys.stdin.read()
os.unlink(path)
lock.release()
