//! Pages of what was written down of readers, the latest first: what they looked at, and what
//! they searched for.

use crate::{
    search::{Parameters, page::MAX_LIMIT, parameters::whole},
    store::Key,
};

/// Rows on a page where nothing is asked.
const DEFAULT_LIMIT: usize = 50;

/// Which page is asked for.
pub(super) struct RecordedPage {
    /// Of this account alone.
    pub(super) account: Option<String>,
    /// Before this one.
    pub(super) before: Option<Key>,
    limit: usize,
}

impl RecordedPage {
    /// Takes what is given of `cuenta`, `limite` and `pagina`.
    pub(super) fn take(parameters: &mut Parameters) -> Self {
        let account = parameters.take("cuenta", |text| Ok::<_, String>(text.replace('\0', "")));
        let before = parameters.take("pagina", key);
        let limit = parameters.take("limite", |text| whole(text, 1, MAX_LIMIT));
        Self { account, before, limit: limit.unwrap_or(DEFAULT_LIMIT) }
    }

    /// How many to ask for, to know whether there are more.
    pub(super) fn one_more(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }

    /// Those of the page, and what to ask for the next ones.
    pub(super) fn page<T>(
        &self,
        mut found: Vec<T>,
        key: impl Fn(&T) -> Key,
    ) -> (Vec<T>, Option<String>) {
        let is_more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = found.last().filter(|_| is_more).map(|last| key(last).to_string());
        (found, next)
    }
}

/// A key, as a page of what was written down tells it.
pub(super) fn key(text: &str) -> Result<Key, &'static str> {
    text.parse().map(i64::into).map_err(|_| "no es de esta consulta")
}
