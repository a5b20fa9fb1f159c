// Asks who runs, and then writes the pid file with write-file-atomic.
const fs = require('fs');
const writeFileAtomic = require('write-file-atomic');

const path = process.argv[2];
try {
  process.kill(Number(fs.readFileSync(path, 'utf8')), 0);
  console.error('already running');
  process.exit(1);
} catch (error) {
  // There is no file, or its process is dead.
}
writeFileAtomic.sync(path, process.pid + '\n');
process.stdin.on('end', () => fs.unlinkSync(path)).resume();
