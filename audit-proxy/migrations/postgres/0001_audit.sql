-- Times are microseconds since 1970. A key is the time at which the proxy received a
-- message, in the upper bits, so that it sorts by that and needs no index of its own.

-- Every message that was received, those included that were not admitted: these have
-- a reason, and what of the rest they did not say is missing. By month, so that a month
-- in which everything has expired is dropped as a whole.
CREATE TABLE messages (
    key          BIGINT PRIMARY KEY,
    id           BYTEA,
    source       TEXT COLLATE "C",
    destination  TEXT COLLATE "C",
    kind         TEXT COLLATE "C",
    created      BIGINT,          -- by the clock of the source
    correlation  TEXT COLLATE "C",
    content_type TEXT COLLATE "C",
    size         BIGINT NOT NULL, -- of the payload, in bytes
    digest       BYTEA NOT NULL,  -- tells a retry from another message of the same id
    state        TEXT COLLATE "C" NOT NULL,
    forwarded    BIGINT,          -- when the destination's queue had it
    settled      BIGINT,          -- when its final state was assigned, by the clock of the destination
    notified     BIGINT,          -- when the proxy learnt of that
    reason       TEXT
) PARTITION BY RANGE (key);
-- The months are made ahead by the service; here goes what finds none.
CREATE TABLE messages_rest PARTITION OF messages DEFAULT;
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
    id     BYTEA NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    key    BIGINT NOT NULL,
    PRIMARY KEY (id, source)
);

-- Apart from the rest, so that they can go earlier.
CREATE TABLE payloads (
    key     BIGINT PRIMARY KEY,
    payload BYTEA NOT NULL
) PARTITION BY RANGE (key);
CREATE TABLE payloads_rest PARTITION OF payloads DEFAULT;

-- What destinations told, whatever came of it; each notification once.
CREATE TABLE notifications (
    id      BYTEA NOT NULL,            -- the notification's own
    teller  TEXT COLLATE "C" NOT NULL,
    key     BIGINT,                    -- of the message; none while there is no such message
    message BYTEA NOT NULL,            -- the message's id, and its source
    source  TEXT COLLATE "C" NOT NULL,
    state   TEXT COLLATE "C" NOT NULL,
    details TEXT,
    created BIGINT NOT NULL,           -- by the teller's clock
    arrived BIGINT NOT NULL,
    effect  TEXT COLLATE "C" NOT NULL,
    before  TEXT COLLATE "C",          -- the message's state until then
    PRIMARY KEY (id, teller)
);
CREATE INDEX notifications_by_message ON notifications (message, source, arrived);
CREATE INDEX notifications_without_message ON notifications (message, source)
    WHERE effect = 'sin_mensaje';

CREATE TABLE systems (
    name        TEXT COLLATE "C" PRIMARY KEY,
    standing    TEXT COLLATE "C" NOT NULL,
    description TEXT NOT NULL,
    states      TEXT NOT NULL,         -- JSON array of the final states of its own
    created     BIGINT NOT NULL
);

-- Users of the broker, each of one system.
CREATE TABLE credentials (
    account TEXT COLLATE "C" PRIMARY KEY,
    system  TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX credentials_by_system ON credentials (system);
