# Locks a file of its own with File::Flock, which removes what it has created.
use strict;
use File::Flock;

my $path = $ARGV[0];
lock("$path.lock", undef, 'nonblocking') or die "already running\n";
open my $file, '>', $path or die $!;
print $file "$$\n";
close $file;
1 while <STDIN>;
unlink $path;
unlock("$path.lock");
