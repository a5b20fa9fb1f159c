// Guards the program with pidlock, whose lock is a link to a directory.
const fs = require('fs');
const { dirname } = require('path');
const pidlock = require('pidlock');

const path = process.argv[2];
pidlock.guard(dirname(path), 'server', (error, data, cleanup) => {
  if (error) {
    console.error('already running');
    process.exit(1);
  }
  fs.writeFileSync(path, process.pid + '\n');
  process.stdin.on('end', () => {
    fs.unlinkSync(path);
    cleanup();
  }).resume();
});
