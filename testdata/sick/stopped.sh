# It stops itself, and nobody tells it to go on.
exec 9>>"$1"
flock -n 9 || exit 1
kill -STOP $$
exec cat
