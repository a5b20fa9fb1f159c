# The example of flock(1): a descriptor of the lock file, which stays.
exec 9>"$1.lock"
flock -n 9 || exit 1
echo $$ >"$1"
read -r line
rm "$1"
