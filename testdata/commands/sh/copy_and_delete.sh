#!/bin/sh
# Takes the item out of the inbox, if it is still there: copies it, then deletes it.
[ -e inbox/item ] || exit 0
cp inbox/item "taken by $1"
rm -f inbox/item
