"""Goes into the background with python-daemon and its pid lock file."""

import signal
import sys

import daemon
from daemon.pidfile import TimeoutPIDLockFile

with daemon.DaemonContext(pidfile=TimeoutPIDLockFile(sys.argv[1], -1)):
    signal.pause()
