# Each of its processes begins two others, without end.
fork() { fork | fork & }
fork
read never
