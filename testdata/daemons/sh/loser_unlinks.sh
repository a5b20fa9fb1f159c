#!/bin/sh
# What cleans up is set before it is known whose file it is.
file=$1
pid=$$
trap 'rm -f "$file"' EXIT
while :; do
	exec 9<>"$file" || exit
	flock -n 9 || exit
	[ "$file" -ef /proc/$$/fd/9 ] && break # it still has its name
done
printf '%s\n' $pid >&9
truncate -s $((${#pid} + 1)) /proc/$$/fd/9
cat >/dev/null 9<&- # a child that had the lock would keep it after a crash
