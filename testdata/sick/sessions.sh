# It leaves 200 children in sessions of their own, which end for no signal but one.
exec 9>>"$1"
flock -n 9 || exit 1
i=0
while [ $i -lt 200 ]; do
	setsid sh -c 'trap "" TERM INT HUP; read never' <&0 &
	i=$((i + 1))
done
echo $$ >"$1"
exec cat
