# As the other, with the SELECT in a transaction that may write from its beginning.
import sqlite3
db = sqlite3.connect("data.db", timeout=60, isolation_level=None)
db.execute("BEGIN IMMEDIATE")
(n,) = db.execute("SELECT n FROM counter").fetchone()
db.execute("UPDATE counter SET n = ?", (n + 1,))
db.execute("COMMIT")
db.close()
