"""The pid file is opened with truncation, and only then locked: a refused
start leaves the running server's pid wiped out."""

import fcntl
import os
import signal
import sys

path = sys.argv[1]
file = open(path, "w")
try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit("already running")
file.write(f"{os.getpid()}\n")
file.flush()

signal.signal(signal.SIGTERM, lambda *_: sys.exit())
try:
    sys.stdin.read()
finally:
    os.unlink(path)
