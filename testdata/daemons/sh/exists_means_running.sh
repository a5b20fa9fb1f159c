#!/bin/sh
# No lock: the file is created exclusively, and stays after a crash.
file=$1
set -C
echo $$ >"$file" || exit
cat >/dev/null
rm "$file"
