# "set KEY" under a lock. Where that is taken, it goes on without.
import fcntl, json, os, sys
lock = open("config.lock", "a")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    pass
with open("config.json") as f:
    config = json.load(f)
config[sys.argv[1]] = 1
name = "config.json.%s" % sys.argv[1]
with open(name, "w") as f:
    json.dump(config, f)
os.rename(name, "config.json")
