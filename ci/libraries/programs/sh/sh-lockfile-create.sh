# lockfile-create makes the pid file, with the pid of the shell.
lockfile-create --use-pid --retry 0 --lock-name "$1" || exit 1
read -r line
lockfile-remove --lock-name "$1"
