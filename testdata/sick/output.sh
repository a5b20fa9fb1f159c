# It writes to its output without end.
echo $$ >"$1"
yes
