# It changes how the terminal works, writes to it, and asks there.
exec 9>>"$1"
flock -n 9 || exit 1
stty -echo </dev/tty
echo 'Password: ' >/dev/tty
read -r word </dev/tty
echo $$ >"$1"
exec cat
