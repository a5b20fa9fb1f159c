"""No lock: the recorded process is dead, so the file is removed and made anew.
Two can come to that conclusion, and the second removes the first one's file."""

import os
import sys


def alive(path):
    try:
        with open(path) as file:
            os.kill(int(file.read()), 0)
        return True
    except (OSError, ValueError):
        return False


path = sys.argv[1]
if alive(path):
    sys.exit("already running")
if os.path.exists(path):
    os.unlink(path)
with open(path, "x") as file:
    file.write(f"{os.getpid()}\n")
sys.stdin.read()
os.unlink(path)
