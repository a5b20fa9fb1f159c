"""Waits for a lock between processes of oslo.concurrency."""

import os
import sys

from oslo_concurrency import lockutils

path = sys.argv[1]
with lockutils.lock("server", external=True, lock_path=os.path.dirname(path)):
    with open(path, "w") as file:
        file.write(f"{os.getpid()}\n")
    sys.stdin.read()
    os.unlink(path)
