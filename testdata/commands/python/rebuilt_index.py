# "add NAME": makes an entry and writes the index of all entries anew.
import os, sys
with open("entries/" + sys.argv[1], "w") as f:
    f.write("text\n")
index = "".join(name + "\n" for name in sorted(os.listdir("entries")))
with open("index." + sys.argv[1], "w") as f:
    f.write(index)
os.rename("index." + sys.argv[1], "index")
