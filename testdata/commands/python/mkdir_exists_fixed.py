# As the other, but a directory that is there already is as good.
import os, sys
with open("list", "a") as f:
    f.write(sys.argv[1] + "\n")
os.makedirs("users", exist_ok=True)
with open("users/" + sys.argv[1], "w") as f:
    f.write("new\n")
