-- Times of events are microseconds since 1970; times of ours are seconds.
-- Names compare by bytes (COLLATE "C"), so that both databases sort alike.

-- One row: what would otherwise be counted anew for every answer. Writers lock
-- it first, so that several instances take turns and never deadlock.
CREATE TABLE summary (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    total    BIGINT NOT NULL,
    clients  BIGINT NOT NULL, -- rows in clients
    events   BIGINT NOT NULL, -- rows in events
    seen     BIGINT NOT NULL, -- rows in seen
    first_at BIGINT,
    last_at  BIGINT
);
INSERT INTO summary VALUES (1, 0, 0, 0, 0, NULL, NULL);

CREATE TABLE clients (
    name     TEXT COLLATE "C" PRIMARY KEY,
    total    BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);
CREATE INDEX clients_by_total ON clients (total DESC, name);

CREATE TABLE events (
    name  TEXT COLLATE "C" PRIMARY KEY,
    total BIGINT NOT NULL
);

CREATE TABLE counts (
    client TEXT COLLATE "C" NOT NULL,
    event  TEXT COLLATE "C" NOT NULL,
    total  BIGINT NOT NULL,
    PRIMARY KEY (client, event)
);

-- Messages counted already, for as long as one may come again.
CREATE TABLE seen (
    id      UUID NOT NULL,
    client  TEXT COLLATE "C" NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (id, client)
);
CREATE INDEX seen_by_time ON seen (seen_at);

-- The last few, for people to look at.
CREATE TABLE latest (
    position   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         UUID NOT NULL,
    client     TEXT NOT NULL,
    event      TEXT NOT NULL,
    happened   BIGINT NOT NULL,
    note       TEXT,
    counted_at BIGINT NOT NULL
);
