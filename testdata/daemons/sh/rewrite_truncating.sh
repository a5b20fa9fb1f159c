#!/bin/sh
# The old pid is cut off before the new one is written: a reader in between
# finds nothing.
file=$1
while :; do
	exec 9<>"$file" || exit
	flock -n 9 || exit
	[ "$file" -ef /proc/$$/fd/9 ] && break # it still has its name
done
echo $$ >"$file"
cat >/dev/null 9<&- # a child that had the lock would keep it after a crash
[ "$file" -ef /proc/$$/fd/9 ] && rm "$file"
