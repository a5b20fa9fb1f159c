# As the other, but it waits for the lock.
import fcntl, json, os, sys
lock = open("config.lock", "a")
fcntl.flock(lock, fcntl.LOCK_EX)
with open("config.json") as f:
    config = json.load(f)
config[sys.argv[1]] = 1
name = "config.json.%s" % sys.argv[1]
with open(name, "w") as f:
    json.dump(config, f)
os.rename(name, "config.json")
