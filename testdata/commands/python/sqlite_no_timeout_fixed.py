# As the other, but it waits for the database.
import sqlite3, sys
db = sqlite3.connect("data.db", timeout=60)
with db:
    db.execute("INSERT INTO names VALUES (?)", sys.argv[1:2])
db.close()
