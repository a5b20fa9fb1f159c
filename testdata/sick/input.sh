# It asks for input before it does anything.
printf 'Really? '
read -r answer && [ "$answer" = yes ] || exit 1
echo $$ >"$1"
exec cat
