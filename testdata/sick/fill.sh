# It takes more and more room on the disk.
n=0
while :; do
	n=$((n + 1))
	fallocate -l 600M "$1.$n" || exit 1
done
