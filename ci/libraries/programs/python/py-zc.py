"""Locks the pid file itself with zc.lockfile, which writes the pid; the file
stays."""

import sys

import zc.lockfile

lock = zc.lockfile.LockFile(sys.argv[1])
sys.stdin.read()
lock.close()
