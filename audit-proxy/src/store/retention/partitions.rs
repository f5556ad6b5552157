//! Whole months, on PostgreSQL: made ahead, and dropped once nothing in them is kept,
//! so that their space returns to the disk at once.

use jiff::Timestamp;
use messages::MessageKind;
use sqlx::{Any, Row, Transaction};

use super::{
    remove::{Removed, forget},
    size::uncount,
};
use crate::{
    retention::{Keepers, Part, Rules},
    store::{
        Key, Store, StoreError,
        months::Month,
        rows::{listed, lock, once},
    },
};

/// What lies in months; the second goes with the first.
const MESSAGES: &str = "messages";
const PAYLOADS: &str = "payloads";

/// Months that there are ahead, the present one included.
const AHEAD: usize = 3;

/// Rows that may be moved out of the default partition when a month is made.
const MOVED: i64 = 20_000;

/// Nobody waits longer because a month is to be dropped: it is tried again.
const SHORT_WAIT: &str = "SET LOCAL lock_timeout = '500ms'";

const PARTITIONS: &str = "SELECT relname::TEXT FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = CAST($1 AS regclass) ORDER BY 1";

impl Store {
    /// Makes the month of `now` and those after it, where they are missing.
    ///
    /// # Errors
    /// When that is not possible now: rows of these months go to the default partition,
    /// and are moved when their month is made.
    pub async fn make_months(&self, now: Timestamp) -> Result<(), StoreError> {
        if !self.is_partitioned() {
            return Ok(());
        }
        let mut month = Month::of(now);
        for _ in 0..AHEAD {
            for table in [MESSAGES, PAYLOADS] {
                self.database.write(async |tx| self.make_month(tx, table, month).await).await?;
            }
            month = month.next();
        }
        Ok(())
    }

    async fn make_month(
        &self,
        tx: &mut Transaction<'_, Any>,
        table: &str,
        month: Month,
    ) -> Result<(), StoreError> {
        let name = month.partition(table);
        if !self.is_keeper(tx).await? || exists(tx, &name).await? {
            return Ok(());
        }
        let (first, end) = (month.first().as_i64(), month.end().as_i64());
        let own = format!("key >= {first} AND key < {end}");
        run(tx, &format!("LOCK TABLE {table}_rest IN ACCESS EXCLUSIVE MODE")).await?;
        let some = format!("SELECT 1 FROM {table}_rest WHERE {own} LIMIT {}", MOVED + 1);
        if number(tx, &format!("SELECT count(*) FROM ({some}) AS found")).await? > MOVED {
            log::warn!("{name} is not made: too much of it is in the default partition");
            return Ok(());
        }
        run(tx, &format!("CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS)")).await?;
        let moved = format!("DELETE FROM {table}_rest WHERE {own} RETURNING *");
        run(tx, &format!("WITH moved AS ({moved}) INSERT INTO {name} SELECT * FROM moved")).await?;
        let bounds = format!("FOR VALUES FROM ({first}) TO ({end})");
        run(tx, &format!("ALTER TABLE {table} ATTACH PARTITION {name} {bounds}")).await
    }

    /// Drops the months of which nobody keeps `part` any more.
    ///
    /// # Errors
    /// Some may have been dropped then.
    pub async fn drop_months(
        &self,
        part: Part,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        let Some(horizon) = rules.horizon(part, now) else { return Ok(removed) };
        let table = if part == Part::Payloads { PAYLOADS } else { MESSAGES };
        for month in self.months(table).await? {
            if month.end() > Key::first_at(horizon) {
                break;
            }
            let keepers = rules.keepers(part, month.end().received(), now);
            if part == Part::Messages {
                removed += self.forget_month(month, &keepers).await?;
            }
            removed += self.drop_month(part, month, &keepers).await?;
        }
        Ok(removed)
    }

    /// Drops the months before the present one in which there is nothing.
    ///
    /// # Errors
    /// Some may have been dropped then.
    pub async fn drop_empty_months(&self, now: Timestamp) -> Result<(), StoreError> {
        for table in [PAYLOADS, MESSAGES] {
            for month in self.months(table).await? {
                if month >= Month::of(now) {
                    break;
                }
                self.drop_if_empty(&month.partition(table)).await?;
            }
        }
        Ok(())
    }

    /// The months that `table` has, in their order.
    async fn months(&self, table: &str) -> Result<Vec<Month>, StoreError> {
        if !self.is_partitioned() {
            return Ok(Vec::new());
        }
        self.database
            .read(async |link| {
                let names: Vec<String> =
                    sqlx::query_scalar(PARTITIONS).bind(table).fetch_all(link).await?;
                Ok(names.iter().filter_map(|name| Month::of_partition(table, name)).collect())
            })
            .await
    }

    /// Removes what is known elsewhere of the messages of a month that nobody keeps.
    async fn forget_month(&self, month: Month, keepers: &Keepers) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        let mut from = Some(month.first());
        while let Some(first) = from {
            let found = self.candidates(Part::Messages, None, first, month.end()).await?;
            from = found.next;
            let expired: Vec<_> = found.expired.iter().collect();
            let notifications = self.database.write(async |tx| {
                if !self.is_keeper(tx).await? {
                    return Ok(None);
                }
                lock(tx, expired.iter().map(|one| &one.key)).await?;
                if is_kept(tx, month, keepers).await? {
                    return Ok(None);
                }
                forget(tx, &expired).await.map(Some)
            });
            let Some(notifications) = notifications.await.map_err(|error: StoreError| error)?
            else {
                return Ok(removed);
            };
            removed += Removed { notifications, ..Removed::default() };
        }
        Ok(removed)
    }

    async fn drop_month(
        &self,
        part: Part,
        month: Month,
        keepers: &Keepers,
    ) -> Result<Removed, StoreError> {
        let (messages, payloads) = (month.partition(MESSAGES), month.partition(PAYLOADS));
        self.database
            .write(async |tx| {
                run(tx, SHORT_WAIT).await?;
                if !self.is_keeper(tx).await? || !exists(tx, &messages).await? {
                    return Ok(Removed::default());
                }
                // Not even somebody who asks to send one of them once more gets past that.
                run(tx, &format!("LOCK TABLE {messages} IN EXCLUSIVE MODE")).await?;
                if is_kept(tx, month, keepers).await? {
                    return Ok(Removed::default());
                }
                let (first, end) = (month.first().as_i64(), month.end().as_i64());
                uncount(tx, part, &format!("key >= {first} AND key < {end}")).await?;
                let mut removed = Removed::default();
                if exists(tx, &payloads).await? {
                    removed.payloads = drop_table(tx, &payloads).await?;
                }
                if part == Part::Messages {
                    removed.messages = drop_table(tx, &messages).await?;
                }
                Ok(removed)
            })
            .await
    }

    async fn drop_if_empty(&self, name: &str) -> Result<(), StoreError> {
        self.database
            .write(async |tx| {
                run(tx, SHORT_WAIT).await?;
                if !self.is_keeper(tx).await? || !exists(tx, name).await? {
                    return Ok(());
                }
                run(tx, &format!("LOCK TABLE {name} IN SHARE MODE")).await?;
                let some = format!("SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT 1) AS found");
                if number(tx, &some).await? == 0 {
                    drop_table(tx, name).await?;
                }
                Ok(())
            })
            .await
    }
}

/// Whether somebody keeps anything of a month, or waits for it.
async fn is_kept(
    tx: &mut Transaction<'_, Any>,
    month: Month,
    keepers: &Keepers,
) -> Result<bool, StoreError> {
    let (kinds, condition): (&[MessageKind], String) = match keepers {
        Keepers::These(kinds) if kinds.is_empty() => (&[], "FALSE".to_owned()),
        Keepers::These(kinds) => (kinds, format!("kind IN ({})", listed(3, kinds.len()))),
        Keepers::AllBut(kinds) if kinds.is_empty() => (&[], "TRUE".to_owned()),
        Keepers::AllBut(kinds) => {
            (kinds, format!("(kind IS NULL OR kind NOT IN ({}))", listed(3, kinds.len())))
        }
    };
    let statement = format!(
        "SELECT 1 FROM messages WHERE key >= $1 AND key < $2
             AND ((forwarded IS NULL AND reason IS NULL) OR {condition}
                 OR EXISTS (SELECT 1 FROM attempts
                     WHERE attempts.key = messages.key AND attempts.forwarded IS NULL))
         LIMIT 1"
    );
    let mut query = once(&statement).bind(month.first().as_i64()).bind(month.end().as_i64());
    for kind in kinds {
        query = query.bind(kind.as_str());
    }
    Ok(query.fetch_optional(&mut **tx).await?.is_some())
}

async fn exists(tx: &mut Transaction<'_, Any>, table: &str) -> Result<bool, StoreError> {
    let query = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table);
    Ok(query.fetch_one(&mut **tx).await?)
}

/// Returns how many rows it had.
async fn drop_table(tx: &mut Transaction<'_, Any>, name: &str) -> Result<u64, StoreError> {
    let rows = number(tx, &format!("SELECT count(*) FROM {name}")).await?;
    run(tx, &format!("DROP TABLE {name}")).await?;
    log::info!("{name} was dropped, with {rows} rows");
    Ok(rows.try_into().unwrap_or_default())
}

async fn number(tx: &mut Transaction<'_, Any>, statement: &str) -> Result<i64, StoreError> {
    Ok(once(statement).fetch_one(&mut **tx).await?.try_get(0)?)
}

async fn run(tx: &mut Transaction<'_, Any>, statement: &str) -> Result<(), StoreError> {
    once(statement).execute(&mut **tx).await?;
    Ok(())
}
