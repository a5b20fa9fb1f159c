# As the other, with everything under a lock of the kernel, which has no age.
import fcntl, os, sys, time
def take():
    os.close(os.open("lock", os.O_CREAT | os.O_EXCL))
guard = open("guard", "a")
fcntl.flock(guard, fcntl.LOCK_EX)
try:
    take()
except FileExistsError:
    if time.time() - os.stat("lock").st_mtime < 10:
        sys.exit(1)
    os.unlink("lock")
    take()
with open("list") as f:
    text = f.read()
with open("list", "w") as f:
    f.write(text + sys.argv[1] + "\n")
os.unlink("lock")
