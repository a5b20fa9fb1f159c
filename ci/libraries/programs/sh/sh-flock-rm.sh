# The lock file is removed at the end.
exec 9>"$1.lock"
flock -n 9 || exit 1
echo $$ >"$1"
read -r line
rm "$1"
rm "$1.lock"
