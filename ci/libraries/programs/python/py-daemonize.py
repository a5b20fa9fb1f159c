"""Goes into the background with daemonize, which locks its pid file."""

import signal
import sys

from daemonize import Daemonize

Daemonize(app="server", pid=sys.argv[1], action=signal.pause).start()
