-- What of payloads nobody is shown: places in their JSON.
CREATE TABLE hidden_places (
    kind       TEXT NOT NULL,
    place      TEXT NOT NULL,    -- a JSON Pointer, or the name of a field
    changed    INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (kind, place)
) WITHOUT ROWID;
