-- What of payloads nobody is shown: places in their JSON.
CREATE TABLE hidden_places (
    kind       TEXT COLLATE "C" NOT NULL,
    place      TEXT COLLATE "C" NOT NULL, -- a JSON Pointer, or the name of a field
    changed    BIGINT NOT NULL,
    changed_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, place)
);
