//! The SQL of both databases. They differ in the few words that the macro takes.
//!
//! A list of rows goes in as one JSON text. What each event is counted with goes in
//! as an array of texts, each a row whose columns have fixed widths (in brackets, in
//! characters): `SQLite` reads that with less work than an array of arrays.

/// What one database is told.
pub(super) struct Dialect {
    /// → clients, events, seen: how many rows; keeps other writers out.
    pub(super) lock_summary: &'static str,
    /// `$1` [id (32), client…], `$2` [client…], `$3` [event…] → as JSON arrays: the first that
    /// are remembered, the second and the third that have no row.
    pub(super) known: &'static str,
    /// `$1` [id (32), client…], none of which is remembered, `$2` now
    pub(super) remember: &'static str,
    /// `$1` [count (10), first (19), last (19), client…]
    pub(super) add_clients: &'static str,
    /// `$1` [count (10), event…]
    pub(super) add_events: &'static str,
    /// `$1` [count (10), length of the client (2), client, event…]
    pub(super) add_counts: &'static str,
    /// `$1` [[id, client, event, happened, note]…], `$2` now
    pub(super) add_latest: &'static str,
    /// `$1` limit → total, how many clients, first, last; as JSON arrays of
    /// [name, total], by total and then name: clients, events.
    pub(super) ranking: &'static str,
    /// `$1` limit, `$2` offset, `$3` name → the same of the clients after that name,
    /// by name.
    pub(super) report: &'static str,
    /// `$1` client → the same of that client: total, 1, first, last, events.
    pub(super) client_report: &'static str,
    /// → id, client, event, happened, note, counted at; newest first.
    pub(super) latest: &'static str,
    /// `$1` counted at, `$2` id, `$3` client, after which; `$4` how many
    /// → id, client, counted at; oldest first.
    pub(super) ledger: &'static str,
    /// `$1` id → id, client, counted at, of the client that it was counted for
    /// first.
    pub(super) counted: &'static str,
    /// `$1` [[id, client]…] → those that were not counted, as given.
    pub(super) missing: &'static str,
}

/// `$1` how many are kept.
pub(super) const TRIM_LATEST: &str =
    "DELETE FROM latest WHERE position <= (SELECT max(position) FROM latest) - $1";

/// `$1` total, `$2` clients, `$3` events, `$4` seen, `$5` first, `$6` last.
pub(super) const ADD_SUMMARY: &str = "UPDATE summary SET
    total = total + $1, clients = clients + $2, events = events + $3, seen = seen + $4,
    first_at = CASE WHEN first_at <= $5 THEN first_at ELSE $5 END,
    last_at = CASE WHEN last_at >= $6 THEN last_at ELSE $6 END";

/// `$1` before when, `$2` how many at most.
pub(super) const FORGET: &str = "DELETE FROM seen WHERE (id, client) IN
    (SELECT id, client FROM seen WHERE seen_at < $1 ORDER BY seen_at LIMIT $2)";

/// `$1` how many.
pub(super) const FORGOTTEN: &str = "UPDATE summary SET seen = seen - $1";

macro_rules! dialect {
    (
        lock: $lock:literal,
        rows: $rows:literal,
        texts_1: $texts_1:literal,
        texts_2: $texts_2:literal,
        texts_3: $texts_3:literal,
        text_list: $text_list:literal,
        pair_list: $pair_list:literal,
        pair_list_by_name: $pair_list_by_name:literal,
        id_in: $id_in:literal,
        id_in_text: $id_in_text:literal,
        id_at_1: $id_at_1:literal,
        id_at_2: $id_at_2:literal,
        id_out: $id_out:literal $(,)?
    ) => {
        Dialect {
            lock_summary: concat!("SELECT clients, events, seen FROM summary ", $lock),
            known: concat!(
                "SELECT (SELECT ", $text_list, " FROM ", $texts_1, "
                         WHERE EXISTS (SELECT 1 FROM seen WHERE seen.id = ", $id_in_text, "
                                       AND seen.client = substr(e.value, 33))),
                        (SELECT ", $text_list, " FROM ", $texts_2, "
                         WHERE NOT EXISTS (SELECT 1 FROM clients WHERE name = e.value)),
                        (SELECT ", $text_list, " FROM ", $texts_3, "
                         WHERE NOT EXISTS (SELECT 1 FROM events WHERE name = e.value))"
            ),
            remember: concat!(
                "INSERT INTO seen (id, client, seen_at)
                 SELECT ", $id_in_text, ", substr(e.value, 33), $2 FROM ", $texts_1
            ),
            add_clients: concat!(
                "INSERT INTO clients (name, total, first_at, last_at)
                 SELECT substr(e.value, 49), CAST(substr(e.value, 1, 10) AS BIGINT),
                        CAST(substr(e.value, 11, 19) AS BIGINT),
                        CAST(substr(e.value, 30, 19) AS BIGINT) FROM ",
                $texts_1,
                " WHERE true ON CONFLICT (name) DO UPDATE SET
                 total = clients.total + excluded.total,
                 first_at = CASE WHEN clients.first_at <= excluded.first_at
                            THEN clients.first_at ELSE excluded.first_at END,
                 last_at = CASE WHEN clients.last_at >= excluded.last_at
                           THEN clients.last_at ELSE excluded.last_at END"
            ),
            add_events: concat!(
                "INSERT INTO events (name, total)
                 SELECT substr(e.value, 11), CAST(substr(e.value, 1, 10) AS BIGINT) FROM ",
                $texts_1,
                " WHERE true ON CONFLICT (name) DO UPDATE SET total = events.total + excluded.total"
            ),
            add_counts: concat!(
                "INSERT INTO counts (client, event, total)
                 SELECT substr(e.value, 13, CAST(substr(e.value, 11, 2) AS INTEGER)),
                        substr(e.value, 13 + CAST(substr(e.value, 11, 2) AS INTEGER)),
                        CAST(substr(e.value, 1, 10) AS BIGINT) FROM ",
                $texts_1,
                " WHERE true ON CONFLICT (client, event) DO UPDATE SET
                 total = counts.total + excluded.total"
            ),
            add_latest: concat!(
                "INSERT INTO latest (id, client, event, happened, note, counted_at) SELECT ", $id_in,
                ", e.value ->> 1, e.value ->> 2, CAST(e.value ->> 3 AS BIGINT), e.value ->> 4, $2 FROM ",
                $rows
            ),
            ranking: concat!(
                "SELECT total, clients, first_at, last_at,
                        (SELECT ", $pair_list, " FROM (SELECT name, total FROM clients
                         ORDER BY total DESC, name LIMIT $1) AS p),
                        (SELECT ", $pair_list, " FROM events) FROM summary"
            ),
            report: concat!(
                "SELECT total, clients, first_at, last_at,
                        (SELECT ", $pair_list_by_name, " FROM (SELECT name, total FROM clients
                         WHERE name > $3 ORDER BY name LIMIT $1 OFFSET $2) AS p),
                        (SELECT ", $pair_list, " FROM events) FROM summary"
            ),
            client_report: concat!(
                "SELECT total, CAST(1 AS BIGINT), first_at, last_at,
                        (SELECT ", $pair_list, " FROM (SELECT event AS name, total FROM counts
                         WHERE client = $1) AS p) FROM clients WHERE name = $1"
            ),
            latest: concat!(
                "SELECT ", $id_out, ", client, event, happened, note, counted_at
                 FROM latest ORDER BY position DESC LIMIT $1"
            ),
            ledger: concat!(
                "SELECT ", $id_out, ", client, seen_at FROM seen
                 WHERE (seen_at, id, client) > ($1, ", $id_at_2, ", $3)
                 ORDER BY seen_at, seen.id, client LIMIT $4"
            ),
            counted: concat!(
                "SELECT ", $id_out, ", client, seen_at FROM seen WHERE id = ", $id_at_1,
                " ORDER BY seen_at, client LIMIT 1"
            ),
            missing: concat!(
                "SELECT e.value ->> 0, e.value ->> 1 FROM ", $rows,
                " WHERE NOT EXISTS (SELECT 1 FROM seen
                 WHERE seen.id = ", $id_in, " AND seen.client = e.value ->> 1)"
            ),
        }
    };
}

pub(super) static SQLITE: Dialect = dialect! {
    lock: "",
    rows: "json_each($1) AS e",
    texts_1: "json_each($1) AS e",
    texts_2: "json_each($2) AS e",
    texts_3: "json_each($3) AS e",
    text_list: "json_group_array(e.value)",
    pair_list: "json_group_array(json_array(name, total) ORDER BY total DESC, name)",
    pair_list_by_name: "json_group_array(json_array(name, total) ORDER BY name)",
    id_in: "unhex(e.value ->> 0, '-')",
    id_in_text: "unhex(substr(e.value, 1, 32))",
    id_at_1: "unhex($1, '-')",
    id_at_2: "unhex($2, '-')",
    id_out: "hex(id)",
};

pub(super) static POSTGRES: Dialect = dialect! {
    lock: "FOR UPDATE",
    rows: "json_array_elements($1::json) AS e(value)",
    texts_1: "json_array_elements_text($1::json) AS e(value)",
    texts_2: "json_array_elements_text($2::json) AS e(value)",
    texts_3: "json_array_elements_text($3::json) AS e(value)",
    text_list: "CAST(COALESCE(json_agg(e.value), '[]') AS TEXT)",
    pair_list: "CAST(COALESCE(json_agg(json_build_array(name, total)
                ORDER BY total DESC, name), '[]') AS TEXT)",
    pair_list_by_name: "CAST(COALESCE(json_agg(json_build_array(name, total)
                        ORDER BY name), '[]') AS TEXT)",
    id_in: "CAST(e.value ->> 0 AS UUID)",
    id_in_text: "CAST(substr(e.value, 1, 32) AS UUID)",
    id_at_1: "CAST($1 AS UUID)",
    id_at_2: "CAST($2 AS UUID)",
    id_out: "CAST(id AS TEXT)",
};
