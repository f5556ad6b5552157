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
