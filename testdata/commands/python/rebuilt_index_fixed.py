# As the other, with the listing and the rename under a lock.
import fcntl, os, sys
with open("entries/" + sys.argv[1], "w") as f:
    f.write("text\n")
lock = open("lock", "a")
fcntl.flock(lock, fcntl.LOCK_EX)
index = "".join(name + "\n" for name in sorted(os.listdir("entries")))
with open("index." + sys.argv[1], "w") as f:
    f.write(index)
os.rename("index." + sys.argv[1], "index")
