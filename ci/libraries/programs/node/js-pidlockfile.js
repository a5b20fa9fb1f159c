// Makes the pid file a lock of pidlockfile.
const pidlockfile = require('pidlockfile');

const path = process.argv[2];
pidlockfile.lock(path, (error) => {
  if (error) {
    console.error(error.message);
    process.exit(1);
  }
  process.stdin.on('end', () => pidlockfile.unlock(path, () => {})).resume();
});
