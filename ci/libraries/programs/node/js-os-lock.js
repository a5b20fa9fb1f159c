// Locks the pid file itself with os-lock; the file stays.
const fs = require('fs');
const { lock } = require('os-lock');

const fd = fs.openSync(process.argv[2], fs.constants.O_RDWR | fs.constants.O_CREAT);
lock(fd, { exclusive: true, immediate: true }).then(() => {
  fs.ftruncateSync(fd);
  fs.writeSync(fd, process.pid + '\n', 0);
  process.stdin.on('end', () => fs.closeSync(fd)).resume();
}).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
