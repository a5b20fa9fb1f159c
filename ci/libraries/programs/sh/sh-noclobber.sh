# The shell creates the pid file with O_EXCL, and a trap removes it.
(set -o noclobber && echo $$ >"$1") 2>/dev/null || exit 1
trap 'rm -f "$1"' EXIT
trap exit INT TERM
read -r line
