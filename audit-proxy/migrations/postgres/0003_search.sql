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
