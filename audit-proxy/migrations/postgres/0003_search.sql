-- What of payloads nobody is shown: places in their JSON.
CREATE TABLE hidden_places (
    kind       TEXT COLLATE "C" NOT NULL,
    place      TEXT COLLATE "C" NOT NULL, -- a JSON Pointer, or the name of a field
    changed    BIGINT NOT NULL,
    changed_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, place)
);

-- Who was shown which payload, written down before it was shown. A key tells when, as
-- that of a message does.
CREATE TABLE lookups (
    key         BIGINT PRIMARY KEY,
    account     TEXT COLLATE "C" NOT NULL,
    message_key BIGINT NOT NULL,
    message     BYTEA,             -- its id
    source      TEXT COLLATE "C",
    kind        TEXT COLLATE "C",
    first_byte  BIGINT NOT NULL, -- of what was shown
    bytes       BIGINT NOT NULL
);
CREATE INDEX lookups_by_account ON lookups (account, key);
CREATE INDEX lookups_by_message ON lookups (message_key, key);

-- Further attempts to forward messages: of the first one the message itself tells.
CREATE TABLE attempts (
    key         BIGINT NOT NULL,
    number      BIGINT NOT NULL, -- from 2 on
    destination TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,    -- who asked for it
    asked       BIGINT NOT NULL,
    forwarded   BIGINT,          -- when the destination's queue had it once more
    PRIMARY KEY (key, number)
);
CREATE INDEX attempts_waiting ON attempts (destination, asked, key) WHERE forwarded IS NULL;

-- Messages that were made of others here: of one with another payload, under a new id,
-- or of one that was not admitted before.
CREATE TABLE links (
    new_key BIGINT PRIMARY KEY,
    old_key BIGINT NOT NULL,
    account TEXT COLLATE "C" NOT NULL,        -- who made it
    made    BIGINT NOT NULL
);
CREATE INDEX links_by_old ON links (old_key);

-- How many messages were received on which day (since 1970, in UTC) and are in which
-- state now; as received all are counted that were admitted, whatever came of them. Texts are empty where a message that was not admitted did not say. Processes
-- count in rows of their own, so that they do not wait for each other: a shard each.
CREATE TABLE tallies (
    day         BIGINT NOT NULL,
    source      TEXT COLLATE "C" NOT NULL,
    destination TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    shard       BIGINT NOT NULL,
    count       BIGINT NOT NULL,
    PRIMARY KEY (day, source, destination, kind, state, shard)
);

-- How many of them took how long for a stage: sizes are eight to each doubling, and -1
-- where clocks tell the impossible.
CREATE TABLE stage_tallies (
    day         BIGINT NOT NULL,
    source      TEXT COLLATE "C" NOT NULL,
    destination TEXT COLLATE "C" NOT NULL,
    stage       TEXT COLLATE "C" NOT NULL,
    size        BIGINT NOT NULL,
    shard       BIGINT NOT NULL,
    count       BIGINT NOT NULL,
    PRIMARY KEY (day, source, destination, stage, size, shard)
);
