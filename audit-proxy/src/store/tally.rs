//! What is counted of messages as they come, in the transaction that stores them: how
//! many of which day are in which state, and how long each stage took. It stays when
//! they are deleted, and is read without them.
//!
//! Several processes count at once; rows of their own keep them from waiting for each
//! other. So that counting costs little beside storing, what was admitted stays counted
//! as received whatever becomes of it, and of a large batch durations are sampled.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{Any, AnyConnection, Row, Transaction};

use super::{
    Key, Store, StoreError,
    rows::{Filled, execute, once},
};
use crate::{
    lifecycle::{RECEIVED, REFUSED},
    statistics::{Day, Stage, size},
};

/// Rows for as many processes.
const SHARDS: i64 = 16;

/// Messages of a batch whose durations are counted, at most; each stands for others then.
const SAMPLED: usize = 50;

/// Names that are told of one kind at most, those with the most messages.
const NAMED: i64 = 100;

/// What a message is counted under; texts may be missing where it was not admitted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Counted {
    day: Day,
    source: String,
    destination: String,
    kind: String,
}

impl Counted {
    pub(super) fn new(key: Key, source: &str, destination: &str, kind: &str) -> Self {
        let [source, destination, kind] = [source, destination, kind].map(str::to_owned);
        Self { day: Day::of(key.received()), source, destination, kind }
    }
}

/// What changes in a transaction.
#[derive(Default, Debug)]
pub(super) struct Tally {
    states: BTreeMap<(Counted, String), i64>,
    stages: BTreeMap<Durations, i64>,
}

/// Of one day, source and destination, those whose stage has this size.
type Durations = (Day, String, String, Stage, i64);

impl Tally {
    /// A message is in this state.
    pub(super) fn enter(&mut self, counted: &Counted, state: &str) {
        *self.states.entry((counted.clone(), state.to_owned())).or_default() += 1;
    }

    /// So many messages were in one state, and are in another.
    pub(super) fn change(&mut self, counted: &Counted, before: &str, after: &str, messages: i64) {
        if before != RECEIVED {
            *self.states.entry((counted.clone(), before.to_owned())).or_default() -= messages;
        }
        *self.states.entry((counted.clone(), after.to_owned())).or_default() += messages;
    }

    /// So many messages took as long for a stage as this one.
    pub(super) fn took(
        &mut self,
        counted: &Counted,
        stage: Stage,
        (from, to): (Timestamp, Timestamp),
        messages: i64,
    ) {
        let Counted { day, source, destination, .. } = counted.clone();
        let size = size(from, to);
        *self.stages.entry((day, source, destination, stage, size)).or_default() += messages;
    }

    /// Adds it to what is counted. In one order, so that no two wait for each other.
    pub(super) async fn write(
        &self,
        tx: &mut Transaction<'_, Any>,
        shard: i64,
    ) -> Result<(), StoreError> {
        let shard = shard.rem_euclid(SHARDS);
        self.write_states(tx, shard).await?;
        self.write_stages(tx, shard).await
    }

    async fn write_states(
        &self,
        tx: &mut Transaction<'_, Any>,
        shard: i64,
    ) -> Result<(), StoreError> {
        let changed: Vec<_> = self.states.iter().filter(|(_, count)| **count != 0).collect();
        let columns = "day, source, destination, kind, state, shard";
        let add = |places: &str| adding("tallies", columns, places);
        let fill = |query: Filled, ((counted, state), count): &(&(Counted, String), &i64)| {
            let Counted { day, source, destination, kind } = counted;
            let query = query.bind(day.0).bind(source).bind(destination).bind(kind);
            query.bind(state).bind(shard).bind(**count)
        };
        execute(tx, &[], &changed, 7, add, fill).await?;
        Ok(())
    }

    async fn write_stages(
        &self,
        tx: &mut Transaction<'_, Any>,
        shard: i64,
    ) -> Result<(), StoreError> {
        let columns = "day, source, destination, stage, size, shard";
        let add = |places: &str| adding("stage_tallies", columns, places);
        let stages: Vec<_> = self.stages.iter().collect();
        let fill = |query: Filled, (stage, count): &(&Durations, &i64)| {
            let (day, source, destination, stage, size) = stage;
            let query = query.bind(day.0).bind(source).bind(destination).bind(stage.as_str());
            query.bind(*size).bind(shard).bind(**count)
        };
        execute(tx, &[], &stages, 7, add, fill).await?;
        Ok(())
    }
}

/// Adds to the counts of a table whose rows these columns tell apart.
fn adding(table: &str, columns: &str, places: &str) -> String {
    format!(
        "INSERT INTO {table} ({columns}, count) VALUES {places}
         ON CONFLICT ({columns}) DO UPDATE SET count = {table}.count + excluded.count"
    )
}

/// Of the messages of a batch, those whose durations are counted, and for how many each
/// stands: together for all.
pub(super) fn sampled<T>(batch: &[T]) -> impl Iterator<Item = (&T, i64)> {
    batch.chunks(batch.len().div_ceil(SAMPLED).max(1)).filter_map(|chunk| {
        let first = chunk.first()?;
        Some((first, i64::try_from(chunk.len()).unwrap_or(i64::MAX)))
    })
}

/// Which messages are counted.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Census {
    /// Received on this day or later.
    pub since: Option<Day>,
    /// Received before this day.
    pub until: Option<Day>,
    /// From this system.
    pub source: Option<String>,
    /// For this one.
    pub destination: Option<String>,
}

/// How many there are. Of each list, the hundred longest.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// By the day on which they were received; the first one first.
    pub days: Vec<(Day, i64)>,
    /// By the state that they are in now.
    pub states: Vec<(String, i64)>,
    /// By source.
    pub sources: Vec<(String, i64)>,
    /// By destination.
    pub destinations: Vec<(String, i64)>,
    /// By kind.
    pub kinds: Vec<(String, i64)>,
    /// For each stage how many have which size, in order of size.
    pub stages: BTreeMap<Stage, Vec<(i64, i64)>>,
}

impl Store {
    /// What is counted of messages, those included that are not kept any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn counts(&self, census: &Census) -> Result<Counts, StoreError> {
        self.database
            .snapshot(async |link| {
                let mut stages = BTreeMap::new();
                for stage in Stage::ALL {
                    stages.insert(stage, census.sizes(link, stage).await?);
                }
                Ok(Counts {
                    days: census.days(link).await?,
                    states: census.states(link).await?,
                    sources: census.by(link, "source").await?,
                    destinations: census.by(link, "destination").await?,
                    kinds: census.by(link, "kind").await?,
                    stages,
                })
            })
            .await
    }
}

impl Census {
    async fn by(
        &self,
        link: &mut AnyConnection,
        column: &str,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let statement = format!(
            "SELECT {column}, CAST(SUM(count) AS BIGINT) AS total FROM tallies
             WHERE {} AND state IN ('{RECEIVED}', '{REFUSED}')
             GROUP BY {column} HAVING SUM(count) <> 0 ORDER BY total DESC, {column} LIMIT {NAMED}",
            self.conditions()
        );
        let rows = self.fetch(link, &statement).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// What was admitted and is in no other state is still as it was received.
    async fn states(&self, link: &mut AnyConnection) -> Result<Vec<(String, i64)>, StoreError> {
        let statement = format!(
            "SELECT state, CAST(SUM(count) AS BIGINT) FROM tallies WHERE {} GROUP BY state",
            self.conditions()
        );
        let rows = self.fetch(link, &statement).await?;
        let states = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        Ok(apart(states.collect::<Result<_, StoreError>>()?))
    }

    async fn days(&self, link: &mut AnyConnection) -> Result<Vec<(Day, i64)>, StoreError> {
        let statement = format!(
            "SELECT day, CAST(SUM(count) AS BIGINT) FROM tallies
             WHERE {} AND state IN ('{RECEIVED}', '{REFUSED}')
             GROUP BY day HAVING SUM(count) <> 0 ORDER BY day",
            self.conditions()
        );
        let rows = self.fetch(link, &statement).await?;
        rows.iter().map(|row| Ok((Day(row.try_get(0)?), row.try_get(1)?))).collect()
    }

    async fn sizes(
        &self,
        link: &mut AnyConnection,
        stage: Stage,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let statement = format!(
            "SELECT size, CAST(SUM(count) AS BIGINT) FROM stage_tallies
             WHERE {} AND stage = '{}' GROUP BY size ORDER BY size",
            self.conditions(),
            stage.as_str()
        );
        let rows = self.fetch(link, &statement).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    fn conditions(&self) -> String {
        let mut conditions = "day >= $1 AND day < $2".to_owned();
        let mut places = 3..;
        for (column, value) in [("source", &self.source), ("destination", &self.destination)] {
            if value.is_some() {
                let place = places.next().unwrap_or_default();
                conditions = format!("{conditions} AND {column} = ${place}");
            }
        }
        conditions
    }

    async fn fetch(
        &self,
        link: &mut AnyConnection,
        statement: &str,
    ) -> Result<Vec<sqlx::any::AnyRow>, StoreError> {
        let mut query = once(statement)
            .bind(self.since.map_or(i64::MIN, |day| day.0))
            .bind(self.until.map_or(i64::MAX, |day| day.0));
        for value in [&self.source, &self.destination].into_iter().flatten() {
            query = query.bind(value.as_str());
        }
        Ok(query.fetch_all(link).await?)
    }
}

/// Takes what went on to another state from what was received; the most first.
fn apart(mut states: BTreeMap<String, i64>) -> Vec<(String, i64)> {
    let went_on: i64 = states
        .iter()
        .filter(|(state, _)| ![RECEIVED, REFUSED].contains(&state.as_str()))
        .map(|(_, count)| count)
        .sum();
    states.entry(RECEIVED.to_owned()).and_modify(|count| *count -= went_on);
    let mut states: Vec<_> = states.into_iter().filter(|(_, count)| *count != 0).collect();
    states.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_stands_for_the_whole_batch() {
        for count in [0, 1, 50, 51, 499, 500] {
            let batch = vec![0_u8; count];
            let sample: Vec<_> = sampled(&batch).collect();
            assert!(sample.len() <= SAMPLED, "{count}");
            let stands_for: i64 = sample.iter().map(|(_, messages)| messages).sum();
            assert_eq!(usize::try_from(stands_for), Ok(count));
        }
    }

    #[test]
    fn what_went_on_is_not_as_it_was_received() {
        let states = [(RECEIVED, 9), ("reenviado", 3), ("error", 4), (REFUSED, 5), ("raro", 0)];
        let states = states.map(|(state, count)| (state.to_owned(), count)).into();
        let word = |(state, count): (&str, i64)| (state.to_owned(), count);
        let apart = apart(states);
        assert_eq!(apart, [(REFUSED, 5), ("error", 4), ("reenviado", 3), (RECEIVED, 2)].map(word));
    }
}
