# Locks a file of its own with File::FcntlLock; the file stays.
use strict;
use Fcntl;
use File::FcntlLock;

my $path = $ARGV[0];
sysopen my $fh, "$path.lock", O_RDWR | O_CREAT or die $!;
my $lock = File::FcntlLock->new(l_type => F_WRLCK);
$lock->lock($fh, F_SETLK) or die "already running\n";
open my $file, '>', $path or die $!;
print $file "$$\n";
close $file;
1 while <STDIN>;
unlink $path;
