// Locks a file of its own with cross-process-lock, and its default timeouts.
const fs = require('fs');
const { lock } = require('cross-process-lock');

const path = process.argv[2];
fs.closeSync(fs.openSync(path + '.guard', 'a'));
lock(path + '.guard').then((unlock) => {
  fs.writeFileSync(path, process.pid + '\n');
  process.stdin.on('end', () => {
    fs.unlinkSync(path);
    unlock();
  }).resume();
}).catch((error) => {
  console.error(String(error));
  process.exit(1);
});
