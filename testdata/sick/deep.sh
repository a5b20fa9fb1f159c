# It makes a directory in a directory, 1,000 times, and a link that leads in a circle.
exec 9>>"$1"
flock -n 9 || exit 1
ln -s . "${1%/*}/circle"
i=0
while [ $i -lt 1000 ]; do
	mkdir d && cd d || exit 1
	i=$((i + 1))
done
exec cat
