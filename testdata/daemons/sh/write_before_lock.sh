#!/bin/sh
# The pid goes in first, then the lock is asked for.
file=$1
pid=$$
exec 9<>"$file"
printf '%s\n' $pid >&9
truncate -s $((${#pid} + 1)) /proc/$$/fd/9
flock -n 9 || exit
cat >/dev/null 9<&- # a child that had the lock would keep it after a crash
[ "$file" -ef /proc/$$/fd/9 ] && rm "$file"
