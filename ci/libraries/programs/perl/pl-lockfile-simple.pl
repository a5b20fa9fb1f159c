# Makes the pid file a lock of LockFile::Simple, which breaks one whose process
# is dead.
use strict;
use LockFile::Simple;

my $manager = LockFile::Simple->make(-format => '%f', -stale => 1);
my $lock = $manager->trylock($ARGV[0]) or die "already running\n";
1 while <STDIN>;
$lock->release;
