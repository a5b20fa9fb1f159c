# It runs a program, the second argument, that would have another user's rights.
exec 9>>"$1"
flock -n 9 || exit 1
"$2" 0
exec cat
