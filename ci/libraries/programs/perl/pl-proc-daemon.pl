# Goes into the background with Proc::Daemon, which writes the pid file.
use strict;
use File::Basename;
use Proc::Daemon;

Proc::Daemon::Init({ work_dir => dirname($ARGV[0]), pid_file => $ARGV[0] });
local $SIG{TERM} = sub { unlink $ARGV[0]; exit };
sleep;
