// Locks the pid file itself with flock of fs-ext; the file stays.
const fs = require('fs');
const { flockSync } = require('fs-ext');

const fd = fs.openSync(process.argv[2], fs.constants.O_RDWR | fs.constants.O_CREAT);
flockSync(fd, 'exnb');
fs.ftruncateSync(fd);
fs.writeSync(fd, process.pid + '\n', 0);
process.stdin.on('end', () => fs.closeSync(fd)).resume();
