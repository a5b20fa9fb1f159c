"""No lock: the file is created exclusively, and stays after a crash."""

import os
import sys

path = sys.argv[1]
try:
    with open(path, "x") as file:
        file.write(f"{os.getpid()}\n")
except FileExistsError:
    sys.exit("already running")
sys.stdin.read()
os.unlink(path)
