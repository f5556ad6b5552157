-- Who may ask. Times are microseconds since 1970.

-- People. Of a password there is argon2's hash, in the PHC format.
CREATE TABLE accounts (
    name     TEXT PRIMARY KEY,
    role     TEXT NOT NULL,
    password TEXT NOT NULL,
    created  INTEGER NOT NULL,
    entered  INTEGER                -- when it logged in last
) WITHOUT ROWID;

-- Of a token there is its SHA-256. A session has the role that its account has.
CREATE TABLE sessions (
    digest  BLOB PRIMARY KEY,
    account TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account, created);
CREATE INDEX sessions_by_expiry ON sessions (expires);

-- Programs, each with a role of its own.
CREATE TABLE tokens (
    digest  BLOB PRIMARY KEY,
    id      BLOB NOT NULL UNIQUE,
    name    TEXT NOT NULL UNIQUE,
    role    TEXT NOT NULL,
    maker   TEXT NOT NULL,       -- the account that made it
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
