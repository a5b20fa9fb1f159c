# "use NAME": writes the name into two files that must agree.
import sys
for name in "current", "default":
    with open(name, "w") as f:
        f.write(sys.argv[1] + "\n")
