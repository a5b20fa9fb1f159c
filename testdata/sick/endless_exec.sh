# It replaces itself without end.
exec sh "$0" "$1"
