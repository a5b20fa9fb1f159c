#!/bin/sh
# Adds a line to a list under a lock that is a name with a pid in it. The lock of
# a process that has ended is removed by its name, whoever has it by then.
if ! (set -C; echo $$ >lock) 2>/dev/null; then
	kill -0 "$(cat lock)" 2>/dev/null && exit 1
	rm -f lock
	(set -C; echo $$ >lock) 2>/dev/null || exit 1
fi
old=$(cat list)
printf '%s\n%s\n' "$old" "$1" >list
rm lock
