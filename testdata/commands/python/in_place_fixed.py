# As the other, under a lock of a file that stays.
import fcntl, json, sys
lock = open("config.lock", "a")
fcntl.flock(lock, fcntl.LOCK_EX)
with open("config.json") as f:
    config = json.load(f)
config[sys.argv[1]] = 1
with open("config.json", "w") as f:
    json.dump(config, f)
