#!/bin/sh
# The pid is written over what is there: of a longer one the end remains.
file=$1
while :; do
	exec 9<>"$file" || exit
	flock -n 9 || exit
	[ "$file" -ef /proc/$$/fd/9 ] && break # it still has its name
done
echo $$ >&9
cat >/dev/null 9<&- # a child that had the lock would keep it after a crash
[ "$file" -ef /proc/$$/fd/9 ] && rm "$file"
