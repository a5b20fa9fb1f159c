# Asks Proc::PID::File whether it runs, which writes the pid file if not.
use strict;
use File::Basename;
use Proc::PID::File;

die "already running\n"
    if Proc::PID::File->running(dir => dirname($ARGV[0]), name => basename($ARGV[0], '.pid'));
1 while <STDIN>;
