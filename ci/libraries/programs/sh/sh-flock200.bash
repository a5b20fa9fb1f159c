# The pid file is the lock file.
exec 200>"$1"
flock -n 200 || exit 1
echo $$ >&200
read -r line
