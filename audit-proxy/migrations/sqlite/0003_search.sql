-- What of payloads nobody is shown: places in their JSON.
CREATE TABLE hidden_places (
    kind       TEXT NOT NULL,
    place      TEXT NOT NULL,    -- a JSON Pointer, or the name of a field
    changed    INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (kind, place)
) WITHOUT ROWID;

-- Who was shown which payload, written down before it was shown. A key tells when, as
-- that of a message does.
CREATE TABLE lookups (
    key         INTEGER PRIMARY KEY,
    account     TEXT NOT NULL,
    message_key INTEGER NOT NULL,
    message     BLOB,             -- its id
    source      TEXT,
    kind        TEXT,
    first_byte  INTEGER NOT NULL, -- of what was shown
    bytes       INTEGER NOT NULL
);
CREATE INDEX lookups_by_account ON lookups (account, key);
CREATE INDEX lookups_by_message ON lookups (message_key, key);

-- Further attempts to forward messages: of the first one the message itself tells.
CREATE TABLE attempts (
    key         INTEGER NOT NULL,
    number      INTEGER NOT NULL, -- from 2 on
    destination TEXT NOT NULL,
    account     TEXT NOT NULL,    -- who asked for it
    asked       INTEGER NOT NULL,
    forwarded   INTEGER,          -- when the destination's queue had it once more
    PRIMARY KEY (key, number)
) WITHOUT ROWID;
CREATE INDEX attempts_waiting ON attempts (destination, asked, key) WHERE forwarded IS NULL;

-- Messages that were made of others here: of one with another payload, under a new id,
-- or of one that was not admitted before.
CREATE TABLE links (
    new_key INTEGER PRIMARY KEY,
    old_key INTEGER NOT NULL,
    account TEXT NOT NULL,        -- who made it
    made    INTEGER NOT NULL
);
CREATE INDEX links_by_old ON links (old_key);

-- How many messages were received on which day (since 1970, in UTC) and are in which
-- state now; as received all are counted that were admitted, whatever came of them. Texts are empty where a message that was not admitted did not say. Processes
-- count in rows of their own, so that they do not wait for each other: a shard each.
CREATE TABLE tallies (
    day         INTEGER NOT NULL,
    source      TEXT NOT NULL,
    destination TEXT NOT NULL,
    kind        TEXT NOT NULL,
    state       TEXT NOT NULL,
    shard       INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    PRIMARY KEY (day, source, destination, kind, state, shard)
) WITHOUT ROWID;

-- How many of them took how long for a stage: sizes are eight to each doubling, and -1
-- where clocks tell the impossible.
CREATE TABLE stage_tallies (
    day         INTEGER NOT NULL,
    source      TEXT NOT NULL,
    destination TEXT NOT NULL,
    stage       TEXT NOT NULL,
    size        INTEGER NOT NULL,
    shard       INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    PRIMARY KEY (day, source, destination, stage, size, shard)
) WITHOUT ROWID;
