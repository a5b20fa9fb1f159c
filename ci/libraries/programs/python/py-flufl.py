"""Locks a file of its own with flufl.lock, for a day."""

import os
import sys
from datetime import timedelta

from flufl.lock import Lock

path = sys.argv[1]
lock = Lock(path + ".lock", lifetime=timedelta(days=1))
lock.lock(timeout=timedelta(seconds=1))
with open(path, "w") as file:
    file.write(f"{os.getpid()}\n")
sys.stdin.read()
os.unlink(path)
lock.unlock()
