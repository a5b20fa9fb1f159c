#!/bin/sh
# Writes NAME.conf by a temporary file that has the same name for all.
echo "name = $1" >new.tmp
echo "done = yes" >>new.tmp
mv new.tmp "$1.conf"
