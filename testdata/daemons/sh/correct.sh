#!/bin/sh
# Serves while it holds the pid file, until the end of its input.
#   correct.sh PIDFILE
file=$1
while :; do
	exec 9<>"$file" || exit
	flock -n 9 || exit
	[ "$file" -ef /proc/self/fd/9 ] && break # it still has its name
done
line=$(printf '%s.' $$)
line=${line%.}
printf '%s\n' $$ >&9
truncate -s $((${#line} + 1)) "$file"
cat >/dev/null
[ "$file" -ef /proc/self/fd/9 ] && rm "$file"
