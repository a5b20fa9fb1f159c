# Runs Net::Server with a pid file and a port of its own.
package Server;
use strict;
use parent 'Net::Server';

sub process_request { }

Server->run(pid_file => $ARGV[0], port => $ARGV[1], host => '127.0.0.1', ipv => 4, log_level => 0);
