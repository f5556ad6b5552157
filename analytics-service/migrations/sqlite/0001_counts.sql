-- Times of events are microseconds since 1970; times of ours are seconds.

-- One row: what would otherwise be counted anew for every answer.
CREATE TABLE summary (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    total    INTEGER NOT NULL,
    clients  INTEGER NOT NULL, -- rows in clients
    events   INTEGER NOT NULL, -- rows in events
    seen     INTEGER NOT NULL, -- rows in seen
    first_at INTEGER,
    last_at  INTEGER
);
INSERT INTO summary VALUES (1, 0, 0, 0, 0, NULL, NULL);

CREATE TABLE clients (
    name     TEXT PRIMARY KEY,
    total    INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX clients_by_total ON clients (total DESC, name);

CREATE TABLE events (
    name  TEXT PRIMARY KEY,
    total INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE counts (
    client TEXT NOT NULL,
    event  TEXT NOT NULL,
    total  INTEGER NOT NULL,
    PRIMARY KEY (client, event)
) WITHOUT ROWID;

-- Messages counted already, for as long as one may come again.
CREATE TABLE seen (
    id      BLOB NOT NULL,
    client  TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (id, client)
) WITHOUT ROWID;
CREATE INDEX seen_by_time ON seen (seen_at);

-- The last few, for people to look at.
CREATE TABLE latest (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL,
    client     TEXT NOT NULL,
    event      TEXT NOT NULL,
    happened   INTEGER NOT NULL,
    note       TEXT,
    counted_at INTEGER NOT NULL
);
