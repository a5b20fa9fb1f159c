# A directory is the lock, and a trap removes it.
mkdir "$1.lock" 2>/dev/null || exit 1
trap 'rm -f "$1"; rmdir "$1.lock"' EXIT
trap exit INT TERM
echo $$ >"$1"
read -r line
