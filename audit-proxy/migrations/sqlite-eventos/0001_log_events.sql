-- What applications say of their own work, in a file of its own: whatever comes, the
-- one that writes messages does not wait for it. Times are microseconds since 1970. A
-- key is the time at which the proxy received an event, in the upper bits.

CREATE TABLE log_events (
    key    INTEGER PRIMARY KEY,
    system TEXT NOT NULL,
    level  INTEGER NOT NULL, -- 0 traza, 1 depuracion, 2 info, 3 aviso, 4 error
    time   INTEGER NOT NULL, -- by the clock of whoever says so
    text   TEXT NOT NULL,
    fields TEXT              -- a JSON object
);
CREATE INDEX log_events_by_system ON log_events (system, key);
CREATE INDEX log_events_grave ON log_events (key) WHERE level >= 3;

-- What was lost. Nobody knows how many where it says none.
CREATE TABLE log_losses (
    since  INTEGER NOT NULL, -- 0: nobody knows
    system TEXT NOT NULL,    -- '': of no system in particular
    reason TEXT NOT NULL,
    until  INTEGER NOT NULL,
    events INTEGER,
    PRIMARY KEY (since, system, reason)
) WITHOUT ROWID;

-- One row: how many events there are, and when the queue was last known not to be full.
CREATE TABLE log_state (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    events INTEGER NOT NULL,
    seen   INTEGER NOT NULL  -- 0: never
);
INSERT INTO log_state (id, events, seen) VALUES (1, 0, 0);
