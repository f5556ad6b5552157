-- Who looked for which text in payloads, written down before it was looked for. A key tells
-- when, as that of a message does.
CREATE TABLE searches (
    key     INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    text    TEXT NOT NULL,
    purpose TEXT NOT NULL -- lista, fichero, reenvio
);
CREATE INDEX searches_by_account ON searches (account, key);
