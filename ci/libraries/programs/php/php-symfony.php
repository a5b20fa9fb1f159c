<?php
// Locks with Symfony's FlockStore in the pid file's directory.
set_include_path(getenv('DEBIAN_ROOT') . '/usr/share/php');
require 'Symfony/Component/Lock/autoload.php';

use Symfony\Component\Lock\LockFactory;
use Symfony\Component\Lock\Store\FlockStore;

$lock = (new LockFactory(new FlockStore(dirname($argv[1]))))->createLock('server');
if (!$lock->acquire()) {
    fwrite(STDERR, "already running\n");
    exit(1);
}
file_put_contents($argv[1], getmypid() . "\n");
stream_get_contents(STDIN);
unlink($argv[1]);
$lock->release();
