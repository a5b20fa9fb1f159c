"""Locks the pid file itself with portalocker.Lock; the file stays."""

import os
import sys

import portalocker

with portalocker.Lock(sys.argv[1], "w", timeout=0) as file:
    file.write(f"{os.getpid()}\n")
    file.flush()
    sys.stdin.read()
