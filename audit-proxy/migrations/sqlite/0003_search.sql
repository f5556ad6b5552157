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
