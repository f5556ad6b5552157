-- Who looked for which text in payloads, written down before it was looked for. A key tells
-- when, as that of a message does.
CREATE TABLE searches (
    key     BIGINT PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL,
    text    TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL -- lista, fichero, reenvio
);
CREATE INDEX searches_by_account ON searches (account, key);

-- The text of a log event as it is compared, where that is more than small letters of ASCII.
ALTER TABLE log_events ADD COLUMN folded TEXT COLLATE "C";
