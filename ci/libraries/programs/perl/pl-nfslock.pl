# Locks the pid file with File::NFSLock, which puts its lock beside it.
use strict;
use Fcntl qw(LOCK_EX LOCK_NB);
use File::NFSLock;

my $path = $ARGV[0];
my $lock = File::NFSLock->new({ file => $path, lock_type => LOCK_EX | LOCK_NB })
    or die "already running\n";
open my $file, '>', $path or die $!;
print $file "$$\n";
close $file;
1 while <STDIN>;
unlink $path;
$lock->unlock;
