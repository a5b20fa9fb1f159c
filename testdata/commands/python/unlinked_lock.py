# Adds two lines to a list, each under a lock, the file of which is removed when
# it has been given back: who waited for it has the lock of a file without a name.
import fcntl, os, sys
for word in "one", "two":
    lock = open("lock", "a")
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open("list") as f:
        text = f.read()
    with open("list", "w") as f:
        f.write(text + sys.argv[1] + " " + word + "\n")
    lock.close()
    try:
        os.unlink("lock")
    except FileNotFoundError:
        pass
