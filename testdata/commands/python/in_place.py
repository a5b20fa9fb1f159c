# "set KEY": changes one key of a JSON file, which it reads, empties and writes.
import json, sys
with open("config.json") as f:
    config = json.load(f)
config[sys.argv[1]] = 1
with open("config.json", "w") as f:
    json.dump(config, f)
