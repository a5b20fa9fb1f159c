# dotlockfile makes the pid file, with the pid of the shell.
dotlockfile -p -r 0 "$1" || exit 1
read -r line
dotlockfile -u "$1"
