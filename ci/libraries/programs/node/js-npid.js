// Creates the pid file with npid and removes it at the end.
const npid = require('npid');

const pid = npid.create(process.argv[2]);
pid.removeOnExit();
process.stdin.on('end', () => process.exit()).resume();
