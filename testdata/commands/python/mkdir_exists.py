# "add NAME": puts a name on a list and makes a file for it, in a directory that
# it makes if it saw none.
import os, sys
with open("list", "a") as f:
    f.write(sys.argv[1] + "\n")
if not os.path.isdir("users"):
    os.mkdir("users")
with open("users/" + sys.argv[1], "w") as f:
    f.write("new\n")
