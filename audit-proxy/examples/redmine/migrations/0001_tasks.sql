CREATE TABLE tasks (
    number    INTEGER PRIMARY KEY,
    ticket    INTEGER NOT NULL, -- at ServiceDesk
    subject   TEXT NOT NULL,
    requester TEXT NOT NULL,
    state     TEXT NOT NULL,
    message   TEXT NOT NULL,    -- the one that it came by, and who sent it
    source    TEXT NOT NULL,
    answer    TEXT              -- the message that told its end
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
