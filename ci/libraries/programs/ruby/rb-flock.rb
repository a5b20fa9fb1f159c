# Locks a file of its own with File#flock; the file stays.
lock = File.open(ARGV[0] + '.lock', File::RDWR | File::CREAT, 0o644)
abort 'already running' unless lock.flock(File::LOCK_EX | File::LOCK_NB)
File.write(ARGV[0], "#{Process.pid}\n")
STDIN.read
File.delete(ARGV[0])
