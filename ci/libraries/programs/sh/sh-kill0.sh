# Asks whether the pid in the file runs, and then writes its own.
[ -f "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null && exit 1
echo $$ >"$1"
read -r line
rm "$1"
