# It ends for nothing that it is told.
trap '' TERM INT HUP
exec 9>>"$1"
flock -n 9 || exit 1
while :; do sleep 1000; done
