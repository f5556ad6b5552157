//! A page of what is asked for, its text included: that is looked for in the payloads
//! themselves, within bounds, so that nobody pays for it who does not ask. An index of
//! their texts (trigrams) was measured: four times the space, and a thirtieth of the
//! speed at which they are stored.

use std::collections::HashMap;

use crate::{
    json::Json,
    redact::Rules,
    search::{Filter, Page, text::Needle},
    store::{Entry, Found, Key, Store, StoreError, Stretch, WALK},
};

/// Messages whose payloads are looked through for one page, at most.
const LOOKED_THROUGH: usize = 2000;

/// Bytes of payloads that are looked through for one page, about.
const LOOKED_THROUGH_BYTES: i64 = 8 * 1024 * 1024;

/// Messages that are read at once.
const AT_ONCE: usize = 200;

/// Bytes of payloads that are held at once, unless one alone has more.
const HELD_BYTES: i64 = 1024 * 1024;

/// A page, and how it ended.
#[derive(Debug)]
pub(crate) struct Results {
    /// In the order asked for.
    pub(crate) entries: Vec<Entry>,
    /// After which key to go on, where there may be more.
    pub(crate) next: Option<Key>,
    /// Where it ended before it was full and there may be more: how many messages were
    /// looked at.
    pub(crate) looked_at: Option<usize>,
}

/// Finds a page of messages.
pub(crate) async fn find(
    store: &Store,
    filter: &Filter,
    page: &Page,
) -> Result<Results, StoreError> {
    let stretch = Stretch::new(filter, page.order, page.after);
    let Some(text) = &filter.text else {
        let Found { entries, next } = store.search(filter, stretch, page.limit).await?;
        let looked_at = (next.is_some() && entries.len() < page.limit).then_some(WALK);
        return Ok(Results { entries, next, looked_at });
    };
    let rules = store.rules().await?;
    let mut reading =
        Reading { store, rules: &rules, needle: Needle::new(text), looked_at: 0, bytes: 0 };
    reading.page(filter, page).await
}

/// Looking through payloads.
struct Reading<'a> {
    store: &'a Store,
    rules: &'a Rules,
    needle: Needle,
    looked_at: usize,
    bytes: i64,
}

impl Reading<'_> {
    async fn page(&mut self, filter: &Filter, page: &Page) -> Result<Results, StoreError> {
        let (mut entries, mut after) = (Vec::new(), page.after);
        loop {
            let stretch = Stretch::new(filter, page.order, after);
            let found = self.store.search(filter, stretch, AT_ONCE).await?;
            for group in groups(found.entries) {
                let mut payloads = self.payloads(&group).await?;
                for entry in group {
                    after = Some(entry.key);
                    self.looked_at += 1;
                    if payloads.remove(&entry.key).is_some_and(|payload| self.has(&entry, payload))
                    {
                        entries.push(entry);
                    }
                    if entries.len() == page.limit {
                        return Ok(Results { entries, next: after, looked_at: None });
                    }
                }
                if self.looked_at >= LOOKED_THROUGH || self.bytes >= LOOKED_THROUGH_BYTES {
                    let looked_at = Some(self.looked_at);
                    return Ok(Results { entries, next: after, looked_at });
                }
            }
            match found.next {
                None => return Ok(Results { entries, next: None, looked_at: None }),
                Some(next) => after = Some(next),
            }
        }
    }

    /// Those that can be JSON, as far as they are still kept.
    async fn payloads(&mut self, group: &[Entry]) -> Result<HashMap<Key, Vec<u8>>, StoreError> {
        let readable: Vec<_> =
            group.iter().filter(|entry| entry.is_json()).map(|entry| entry.key).collect();
        let payloads = self.store.payloads(&readable).await?;
        self.bytes +=
            payloads.values().map(|one| i64::try_from(one.len()).unwrap_or(i64::MAX)).sum::<i64>();
        Ok(payloads)
    }

    /// What is no JSON has no text to look for.
    fn has(&self, entry: &Entry, payload: Vec<u8>) -> bool {
        let Ok(shown) = self.rules.shown(entry.kind.as_deref(), payload) else { return false };
        Json::of(&shown.bytes).is_some_and(|json| self.needle.is_in(json))
    }
}

/// In the same order, each with no more bytes than may be held.
fn groups(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let (mut groups, mut bytes) = (vec![Vec::new()], 0_i64);
    for entry in entries {
        bytes = bytes.saturating_add(entry.size);
        if bytes > HELD_BYTES {
            groups.push(Vec::new());
            bytes = entry.size;
        }
        groups.last_mut().expect("at least one").push(entry);
    }
    groups
}
