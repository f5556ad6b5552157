-- Times are microseconds since 1970. A key is the time at which the proxy received a
-- message, in the upper bits, so that it sorts by that and needs no index of its own.

-- Every message that was received, those included that were not admitted: these have
-- a reason, and what of the rest they did not say is missing.
CREATE TABLE messages (
    key          INTEGER PRIMARY KEY,
    id           BLOB,
    source       TEXT,
    destination  TEXT,
    kind         TEXT,
    created      INTEGER,          -- by the clock of the source
    correlation  TEXT,
    content_type TEXT,
    size         INTEGER NOT NULL, -- of the payload, in bytes
    digest       BLOB NOT NULL,    -- tells a retry from another message of the same id
    state        TEXT NOT NULL,
    forwarded    INTEGER,          -- when the destination's queue had it
    settled      INTEGER,          -- when its final state was assigned, by the clock of the destination
    notified     INTEGER,          -- when the proxy learnt of that
    reason       TEXT
);
CREATE INDEX messages_refused ON messages (id) WHERE reason IS NOT NULL;
CREATE INDEX messages_by_source ON messages (source, key);
CREATE INDEX messages_by_destination ON messages (destination, key);
CREATE INDEX messages_by_kind ON messages (kind, key);
CREATE INDEX messages_by_state ON messages (state, key);
CREATE INDEX messages_by_correlation ON messages (correlation, key) WHERE correlation IS NOT NULL;
-- What is still to be forwarded.
CREATE INDEX messages_waiting ON messages (destination, key)
    WHERE forwarded IS NULL AND reason IS NULL;

-- The ids of admitted messages, each once within its source.
CREATE TABLE ids (
    id     BLOB NOT NULL,
    source TEXT NOT NULL,
    key    INTEGER NOT NULL,
    PRIMARY KEY (id, source)
) WITHOUT ROWID;

-- Apart from the rest, so that they can go earlier.
CREATE TABLE payloads (
    key     INTEGER PRIMARY KEY,
    payload BLOB NOT NULL
);

-- What destinations told, whatever came of it; each notification once.
CREATE TABLE notifications (
    id      BLOB NOT NULL,         -- the notification's own
    teller  TEXT NOT NULL,
    key     INTEGER,               -- of the message; none while there is no such message
    message BLOB NOT NULL,         -- the message's id, and its source
    source  TEXT NOT NULL,
    state   TEXT NOT NULL,
    details TEXT,
    created INTEGER NOT NULL,      -- by the teller's clock
    arrived INTEGER NOT NULL,
    effect  TEXT NOT NULL,
    before  TEXT,                  -- the message's state until then
    PRIMARY KEY (id, teller)
) WITHOUT ROWID;
CREATE INDEX notifications_by_message ON notifications (message, source, arrived);
CREATE INDEX notifications_without_message ON notifications (message, source)
    WHERE effect = 'sin_mensaje';

CREATE TABLE systems (
    name        TEXT PRIMARY KEY,
    standing    TEXT NOT NULL,
    description TEXT NOT NULL,
    states      TEXT NOT NULL,     -- JSON array of the final states of its own
    created     INTEGER NOT NULL
) WITHOUT ROWID;

-- Users of the broker, each of one system.
CREATE TABLE credentials (
    account TEXT PRIMARY KEY,
    system  TEXT NOT NULL,
    created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX credentials_by_system ON credentials (system);
