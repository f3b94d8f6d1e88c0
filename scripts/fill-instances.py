"""Fills the SQLite database of a node with copies of an ended instance: fill-instances.py DATABASE INSTANCE COUNT

The copies end one second after each other, up to now, and every tenth has failed. They have no tasks: what they are for
is lists. Rows are written in parts, so that the node may run meanwhile.
"""

import sqlite3
import sys

PART = 20_000


def fill_instances(database, instance, count):
    connection = sqlite3.connect(database, timeout=60, isolation_level=None)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(instance)") if row[1] != "id"]
    values = {
        "state": "CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END",
        "created_at": "now - n * 1000",
        "started_at": "now - n * 1000 + 50",
        "ended_at": "now - n * 1000 + 800",
    }
    row = ", ".join(values.get(column, column) for column in columns)
    statement = f"""
        WITH RECURSIVE number(n) AS (SELECT :last UNION ALL SELECT n - 1 FROM number WHERE n > :first),
            clock(now) AS (SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
        INSERT INTO instance ({", ".join(columns)})
        SELECT {row} FROM number, clock, instance WHERE instance.id = :instance ORDER BY n DESC"""
    for last in range(count, 0, -PART):
        connection.execute(statement, {"last": last, "first": max(last - PART + 1, 1), "instance": instance})
    print(connection.execute("SELECT count(*) FROM instance").fetchone()[0])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    fill_instances(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
