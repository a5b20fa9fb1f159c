# shlock of INN makes the pid file.
shlock -p $$ -f "$1" || exit 1
read -r line
rm -f "$1"
