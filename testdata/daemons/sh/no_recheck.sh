#!/bin/sh
# The file that is locked may have lost its name to a server that stopped.
file=$1
pid=$$
exec 9<>"$file"
flock -n 9 || exit
printf '%s\n' $pid >&9
truncate -s $((${#pid} + 1)) /proc/$$/fd/9
cat >/dev/null 9<&- # a child that had the lock would keep it after a crash
[ "$file" -ef /proc/$$/fd/9 ] && rm "$file"
