# Adds two lines to a list, under one lock, the file of which stays.
import fcntl, sys
lock = open("lock", "a")
fcntl.flock(lock, fcntl.LOCK_EX)
for word in "one", "two":
    with open("list") as f:
        text = f.read()
    with open("list", "w") as f:
        f.write(text + sys.argv[1] + " " + word + "\n")
lock.close()
