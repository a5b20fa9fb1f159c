// Locks a file of its own with lockfile, which removes it in the end.
const fs = require('fs');
const lockfile = require('lockfile');

const path = process.argv[2];
lockfile.lock(path + '.lock', {}, (error) => {
  if (error) {
    console.error(error.message);
    process.exit(1);
  }
  fs.writeFileSync(path, process.pid + '\n');
  process.stdin.on('end', () => {
    fs.unlinkSync(path);
    lockfile.unlockSync(path + '.lock');
  }).resume();
});
