-- What applications say of their own work. Times are microseconds since 1970. A key is
-- the time at which the proxy received an event, in the upper bits.
CREATE TABLE log_events (
    key    BIGINT PRIMARY KEY,
    system TEXT COLLATE "C" NOT NULL,
    level  BIGINT NOT NULL,  -- 0 traza, 1 depuracion, 2 info, 3 aviso, 4 error
    time   BIGINT NOT NULL,  -- by the clock of whoever says so
    text   TEXT COLLATE "C" NOT NULL,
    fields TEXT              -- a JSON object
);
CREATE INDEX log_events_by_system ON log_events (system, key);
CREATE INDEX log_events_grave ON log_events (key) WHERE level >= 3;

-- What of that was lost. Nobody knows how many where it says none.
CREATE TABLE log_losses (
    since  BIGINT NOT NULL,            -- 0: nobody knows
    system TEXT COLLATE "C" NOT NULL,  -- '': of no system in particular
    reason TEXT COLLATE "C" NOT NULL,
    until  BIGINT NOT NULL,
    events BIGINT,
    PRIMARY KEY (since, system, reason)
);

-- One row: how many log events there are, and when their queue was last known not to be
-- full.
CREATE TABLE log_state (
    id     BIGINT PRIMARY KEY CHECK (id = 1),
    events BIGINT NOT NULL,
    seen   BIGINT NOT NULL             -- 0: never
);
INSERT INTO log_state (id, events, seen) VALUES (1, 0, 0);

-- How long what is kept. Nothing goes while there are no rows.

-- Rules of an administrator: for one kind, or '*' for all kinds without their own.
CREATE TABLE retention (
    kind         TEXT COLLATE "C" PRIMARY KEY,
    payload_days BIGINT, -- none: as long as the message
    message_days BIGINT  -- none: for ever
);

-- At most one row: limits of size, and what was counted up to a key.
CREATE TABLE retention_size (
    id                BIGINT PRIMARY KEY CHECK (id = 1),
    max_payload_bytes BIGINT,
    max_bytes         BIGINT,
    upto              BIGINT NOT NULL,
    messages          BIGINT NOT NULL,
    payload_bytes     BIGINT NOT NULL
);
