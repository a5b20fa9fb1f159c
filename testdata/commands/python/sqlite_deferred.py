# Counts in a database. The transaction that the module begins is deferred: it is
# there from the UPDATE on, and the SELECT is not in it.
import sqlite3
db = sqlite3.connect("data.db", timeout=60)
with db:
    (n,) = db.execute("SELECT n FROM counter").fetchone()
    db.execute("UPDATE counter SET n = ?", (n + 1,))
db.close()
