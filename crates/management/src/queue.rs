//! Queues: what they hold, and who reads them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Error, Management, error::optional};

/// What is asked for of a queue. It comes from the broker's statistics: the forms
/// without them tell of lists only in 3.10, and nowhere who reads. With nothing to
/// tell, not even a name, the answer would be an empty list.
const COLUMNS: &str =
    "columns=name,state,messages,messages_ready,messages_unacknowledged,consumers";

/// Queues that are told of together: of a fourth of an answer's size.
const PAGE: usize = 250;

/// A queue, as the broker's statistics show it: up to ten seconds old.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(from = "Told")]
pub struct Queue {
    /// Whether it can be used, in the broker's words: `running`; `down` or `minority`
    /// where too many of its nodes are away; there are others. May be missing where
    /// `numbers` are.
    pub state: Option<String>,
    /// `None` where the broker does not know them: in the first ten seconds of a queue,
    /// after a start of the broker itself, and where statistics are switched off.
    pub numbers: Option<Numbers>,
}

/// What a queue holds, and for whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// Messages that wait to be delivered: for a consumer, or for those there are to
    /// acknowledge what they have.
    pub ready: u64,
    /// Messages delivered and not acknowledged yet.
    pub unacknowledged: u64,
    /// Messages in all, those on their way to the dead-letter exchange included.
    pub total: u64,
    /// Who reads it; 0 means that nothing leaves it.
    pub consumers: u64,
}

impl Management {
    /// A queue of the virtual host, which helps to say why something in it has not been
    /// processed yet; `None` where there is no such queue.
    ///
    /// The user needs the tag `management`, and an entry of rights in the virtual host,
    /// even if it permits nothing.
    ///
    /// # Errors
    /// When the API does not answer, or refuses.
    pub async fn queue(&self, name: &str) -> Result<Option<Queue>, Error> {
        optional(self.get("queues", &[name], COLUMNS).await)
    }

    /// All queues of the virtual host whose names begin with `prefix`, which holds
    /// nothing but letters, digits and `_`; by name.
    ///
    /// # Errors
    /// When the API does not answer, or refuses.
    pub async fn queues(&self, prefix: &str) -> Result<BTreeMap<String, Queue>, Error> {
        let mut queues = BTreeMap::new();
        for page in 1.. {
            let query = format!(
                "page={page}&page_size={PAGE}&name=%5E{prefix}&use_regex=true&sort=name&{COLUMNS}"
            );
            let Page { items, page_count } = self.get("queues", &[], &query).await?;
            queues.extend(items.into_iter().map(|Named { name, queue }| (name, queue)));
            if page >= page_count {
                break;
            }
        }
        Ok(queues)
    }
}

/// A page of a list.
#[derive(Deserialize)]
struct Page {
    items: Vec<Named>,
    page_count: u32,
}

/// One of a list.
#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    queue: Queue,
}

/// What the API says of a queue; it leaves out what it does not know.
#[derive(Deserialize)]
struct Told {
    state: Option<String>,
    messages: Option<u64>,
    messages_ready: Option<u64>,
    messages_unacknowledged: Option<u64>,
    consumers: Option<u64>,
}

impl From<Told> for Queue {
    fn from(told: Told) -> Self {
        Self { numbers: told.numbers(), state: told.state }
    }
}

impl Told {
    /// All of them or none: a queue without numbers is not one with zeros.
    fn numbers(&self) -> Option<Numbers> {
        Some(Numbers {
            ready: self.messages_ready?,
            unacknowledged: self.messages_unacknowledged?,
            total: self.messages?,
            consumers: self.consumers?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Queue {
        serde_json::from_str(text).expect("understood")
    }

    #[test]
    fn the_recorded_answer_is_understood() {
        let queue = told(
            r#"{"consumers":1,"messages":16,"messages_ready":3,"messages_unacknowledged":12,
                "state":"running"}"#,
        );
        let numbers = Numbers { ready: 3, unacknowledged: 12, total: 16, consumers: 1 };
        assert_eq!(queue, Queue { state: Some("running".to_owned()), numbers: Some(numbers) });
    }

    #[test]
    fn a_queue_that_was_declared_just_now_has_no_numbers_rather_than_zeros() {
        for text in
            [r#"{"name":"q"}"#, r#"{"messages":0,"messages_ready":0,"messages_unacknowledged":0}"#]
        {
            assert_eq!(told(text), Queue { state: None, numbers: None }, "{text}");
        }
    }
}
