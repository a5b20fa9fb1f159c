# Locks a file of its own with the gem lockfile, without waiting.
require 'lockfile'

Lockfile.new(ARGV[0] + '.lock', retries: 0) do
  File.write(ARGV[0], "#{Process.pid}\n")
  STDIN.read
  File.delete(ARGV[0])
end
