-- Who may ask. Times are microseconds since 1970.

-- People. Of a password there is argon2's hash, in the PHC format.
CREATE TABLE accounts (
    name     TEXT COLLATE "C" PRIMARY KEY,
    role     TEXT COLLATE "C" NOT NULL,
    password TEXT NOT NULL,
    created  BIGINT NOT NULL,
    entered  BIGINT                -- when it logged in last
);

-- Of a token there is its SHA-256. A session has the role that its account has.
CREATE TABLE sessions (
    digest  BYTEA PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account, created);
CREATE INDEX sessions_by_expiry ON sessions (expires);

-- Programs, each with a role of its own.
CREATE TABLE tokens (
    digest  BYTEA PRIMARY KEY,
    id      BYTEA NOT NULL UNIQUE,
    name    TEXT COLLATE "C" NOT NULL UNIQUE,
    role    TEXT COLLATE "C" NOT NULL,
    maker   TEXT COLLATE "C" NOT NULL,       -- the account that made it
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
