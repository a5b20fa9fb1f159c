# lockfile of procmail makes a lock file, which is removed at the end.
lockfile -r 0 "$1.lock" || exit 1
echo $$ >"$1"
read -r line
rm -f "$1" "$1.lock"
