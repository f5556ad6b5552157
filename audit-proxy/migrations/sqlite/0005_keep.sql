-- How long what is kept. Nothing goes while there are no rows.

-- Rules of an administrator: for one kind, or '*' for all kinds without their own.
CREATE TABLE retention (
    kind         TEXT PRIMARY KEY,
    payload_days INTEGER, -- none: as long as the message
    message_days INTEGER  -- none: for ever
) WITHOUT ROWID;

-- At most one row: limits of size, and what was counted up to a key.
CREATE TABLE retention_size (
    id                INTEGER PRIMARY KEY CHECK (id = 1),
    max_payload_bytes INTEGER,
    max_bytes         INTEGER,
    upto              INTEGER NOT NULL,
    messages          INTEGER NOT NULL,
    payload_bytes     INTEGER NOT NULL
);
