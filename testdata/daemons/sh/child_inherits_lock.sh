#!/bin/sh
# The child has the descriptor too, and with it the lock after a crash.
file=$1
pid=$$
while :; do
	exec 9<>"$file" || exit
	flock -n 9 || exit
	[ "$file" -ef /proc/$$/fd/9 ] && break # it still has its name
done
printf '%s\n' $pid >&9
truncate -s $((${#pid} + 1)) /proc/$$/fd/9
sleep 1000 &
cat >/dev/null 9<&- # a child that had the lock would keep it after a crash
kill $!
[ "$file" -ef /proc/$$/fd/9 ] && rm "$file"
