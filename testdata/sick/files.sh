# It makes 10,000 files in its directory.
exec 9>>"$1"
flock -n 9 || exit 1
i=0
while [ $i -lt 10000 ]; do
	: >"${1%/*}/$i"
	i=$((i + 1))
done
echo $$ >"$1"
exec cat
