# Asks File::Pid who runs, writes the pid file, and removes it.
use strict;
use File::Pid;

my $file = File::Pid->new({ file => $ARGV[0] });
if (my $pid = $file->running) {
    die "already running: $pid\n";
}
$file->write;
1 while <STDIN>;
$file->remove;
