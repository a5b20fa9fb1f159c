"""Locks a file of its own with locket; the file stays."""

import os
import sys

import locket

path = sys.argv[1]
with locket.lock_file(path + ".lock", timeout=0):
    with open(path, "w") as file:
        file.write(f"{os.getpid()}\n")
    sys.stdin.read()
    os.unlink(path)
