#!/bin/sh
# As the other, but the file is made only if it is not there.
(set -C; echo "$1" >owner) 2>/dev/null || exit 0
echo "$1 is the owner" >>log
