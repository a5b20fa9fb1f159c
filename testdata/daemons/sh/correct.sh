#!/bin/sh
# Serves while it has the lock beside its pid file, until the end of its input.
file=$1
exec 9>>"$file.lock" || exit
flock -n 9 || exit
echo $$ >"$file.new"
mv "$file.new" "$file" # in one step, whatever was there
while read -r line; do :; done
rm -f "$file"
