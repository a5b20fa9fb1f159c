<?php
// Locks a file of its own with php-lock's FlockMutex, and waits for it.
set_include_path(getenv('DEBIAN_ROOT') . '/usr/share/php');
require 'Malkusch/Lock/autoload.php';

$mutex = new malkusch\lock\mutex\FlockMutex(fopen($argv[1] . '.lock', 'c'));
$mutex->synchronized(function () use ($argv) {
    file_put_contents($argv[1], getmypid() . "\n");
    stream_get_contents(STDIN);
    unlink($argv[1]);
});
