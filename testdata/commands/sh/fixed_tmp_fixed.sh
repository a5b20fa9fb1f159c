#!/bin/sh
# As the other, with a temporary file of its own.
echo "name = $1" >"$1.$$.tmp"
echo "done = yes" >>"$1.$$.tmp"
mv "$1.$$.tmp" "$1.conf"
