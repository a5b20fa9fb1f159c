// Locks the pid file with proper-lockfile, which makes a directory beside it.
const fs = require('fs');
const lockfile = require('proper-lockfile');

const path = process.argv[2];
lockfile.lock(path, { realpath: false }).then((release) => {
  fs.writeFileSync(path, process.pid + '\n');
  process.stdin.on('end', () => {
    fs.unlinkSync(path);
    release();
  }).resume();
}).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
