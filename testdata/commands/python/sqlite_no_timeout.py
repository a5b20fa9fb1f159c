# "add NAME": inserts a row. Where the database is locked it fails at once.
import sqlite3, sys
db = sqlite3.connect("data.db", timeout=0)
with db:
    db.execute("INSERT INTO names VALUES (?)", sys.argv[1:2])
db.close()
