# The same with a child that runs while it serves and has the descriptor too.
exec 9>"$1.lock"
flock -n 9 || exit 1
echo $$ >"$1"
sleep 1000 </dev/null >/dev/null 2>&1 &
read -r line
kill $!
rm "$1"
