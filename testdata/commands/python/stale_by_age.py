# Adds a line to a list under a lock that is a name. One that is older than ten
# seconds is removed by its name, whoever has it by then.
import os, sys, time
def take():
    os.close(os.open("lock", os.O_CREAT | os.O_EXCL))
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
