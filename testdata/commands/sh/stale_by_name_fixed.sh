#!/bin/sh
# As the other, with everything under a lock of the kernel, which is never stale.
exec 9>>guard
flock 9
if ! (set -C; echo $$ >lock) 2>/dev/null; then
	kill -0 "$(cat lock)" 2>/dev/null && exit 1
	rm -f lock
	(set -C; echo $$ >lock) 2>/dev/null || exit 1
fi
old=$(cat list)
printf '%s\n%s\n' "$old" "$1" >list
rm lock
