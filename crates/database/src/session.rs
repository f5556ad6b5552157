//! How a session begins, and in it a transaction: each of the two databases in its
//! own words.

use super::DatabaseUrl;

/// What one database is told, whatever is kept in it.
pub(crate) struct Sessions {
    /// At the start of the connection that writes.
    pub(crate) writer: &'static [&'static str],
    /// At the start of each connection that reads.
    pub(crate) reader: &'static [&'static str],
    /// Begins a transaction that writes; in SQLite, alone.
    pub(crate) begin_write: &'static str,
    /// Begins a transaction that reads, and all of whose statements see the same.
    pub(crate) begin_snapshot: &'static str,
}

impl Sessions {
    /// Sessions with the database at `url`.
    pub(crate) fn with(url: &DatabaseUrl) -> &'static Self {
        match url {
            DatabaseUrl::Sqlite(_) => &SQLITE,
            DatabaseUrl::Postgres(_) => &POSTGRES,
        }
    }
}

static SQLITE: Sessions = Sessions {
    // Not NORMAL: in WAL mode that may undo commits after a loss of power.
    writer: &[
        "PRAGMA busy_timeout = 2000",
        // So that pages that are free can be given back to the disk. Before anything is
        // written: a file that there is already stays as it is.
        "PRAGMA auto_vacuum = INCREMENTAL",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        // In pages of 4 KiB: a batch of many rows touches a thousand of them, which
        // with the default were written back, and waited for, at each commit.
        "PRAGMA wal_autocheckpoint = 8000",
        // In KiB: 100,000 rows of counts, which the default does not hold.
        "PRAGMA cache_size = -24576",
    ],
    reader: &["PRAGMA query_only = ON", "PRAGMA busy_timeout = 2000"],
    begin_write: "BEGIN IMMEDIATE",
    begin_snapshot: "BEGIN DEFERRED",
};

static POSTGRES: Sessions = Sessions {
    // The server ends a transaction whose client is gone without a word, and
    // does not let its successors queue up behind it.
    writer: &[
        "SET client_min_messages = warning",
        "SET synchronous_commit = on",
        "SET idle_in_transaction_session_timeout = '5s'",
        "SET lock_timeout = '4s'",
    ],
    reader: &["SET idle_in_transaction_session_timeout = '5s'"],
    begin_write: "BEGIN",
    begin_snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
};
