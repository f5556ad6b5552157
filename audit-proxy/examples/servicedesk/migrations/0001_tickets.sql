CREATE TABLE tickets (
    number    INTEGER PRIMARY KEY,
    subject   TEXT NOT NULL,
    requester TEXT NOT NULL,
    state     TEXT NOT NULL,
    task      INTEGER, -- at Redmine, once that is known
    message   TEXT     -- the last that was sent of it
);

-- What came, each message once within its source.
CREATE TABLE inbox (
    source TEXT NOT NULL,
    id     TEXT NOT NULL,
    times  INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;

-- What the broker does not have yet.
CREATE TABLE outbox (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    destination TEXT NOT NULL,
    created     TEXT NOT NULL,
    correlation TEXT,
    body        TEXT NOT NULL
);
