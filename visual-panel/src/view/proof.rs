//! The proof: what was sent, where it is, and whether anything was lost.

use crate::{
    clock::Clock,
    lang::Lang,
    poll::Knowledge,
    proof::Rest,
    wording::{self, Count},
};

/// Ids of lost messages that are shown.
const IDS_SHOWN: usize = 20;

/// The page.
#[derive(Debug, Clone)]
pub struct Proof {
    /// What the verdict is.
    pub ruling: Ruling,
    /// Attempts to publish, of all senders since they started.
    pub sent: Count,
    /// Of them, confirmed by the broker.
    pub confirmed: Count,
    /// Of them, returned, refused, or never sent: the caller knows it.
    pub refused: Count,
    /// Of them, without an answer: they may have arrived or not.
    pub unknown: Count,
    /// In the queue, or in analytics' hands; none where nobody knows.
    pub waiting: Option<Count>,
    /// Counted, since ever.
    pub counted: Option<Count>,
    /// Recognised as counted before, since analytics started.
    pub duplicates: Option<Count>,
    /// In the dead-letter queue.
    pub dead: Option<Count>,
    /// One row for each sender.
    pub senders: Vec<SenderRow>,
    /// The last comparison by id.
    pub comparison: Option<Comparison>,
}

/// What the verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// Something is not known: a service does not answer.
    Blind,
    /// Something is on its way; no verdict yet.
    Moving,
    /// Nothing was lost.
    Whole,
    /// Something was lost.
    Lost,
}

/// One sender's part.
#[derive(Debug, Clone)]
pub struct SenderRow {
    /// Its name.
    pub name: String,
    /// Its counters; none where it has never answered.
    pub counts: Option<[Count; 4]>,
    /// Whether it answers now.
    pub is_away: bool,
}

/// The last comparison by id.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// How long ago.
    pub age: String,
    /// Confirmed messages that were looked up.
    pub compared: Count,
    /// Of them, in the dead-letter queue.
    pub rejected: Count,
    /// Of them, nowhere.
    pub lost: Count,
    /// Ids of the first of these.
    pub ids: Vec<String>,
}

impl Proof {
    /// The page, at `now`.
    #[must_use]
    pub fn new(known: &Knowledge, now: &Clock, lang: Lang) -> Self {
        let published = || known.senders.iter().filter_map(|sender| sender.source.answer());
        let sum = |read: fn(&crate::states::Published) -> u64| {
            Count(published().map(|state| read(&state.published)).sum())
        };
        let state = known.analytics.answer().map(|answer| &answer.state);
        let queue = state.and_then(|state| state.broker.queue);
        Self {
            ruling: Ruling::new(known),
            sent: sum(|all| {
                all.confirmed + all.unroutable + all.refused + all.not_sent + all.unknown
            }),
            confirmed: sum(|all| all.confirmed),
            refused: sum(|all| all.unroutable + all.refused + all.not_sent),
            unknown: sum(|all| all.unknown),
            waiting: queue.map(|queue| Count(queue.ready + queue.unacked)),
            counted: state.map(|state| Count(state.total)),
            duplicates: state.map(|state| Count(state.duplicates)),
            dead: state.and_then(|state| state.broker.dead).map(|dead| Count(dead.messages)),
            senders: known.senders.iter().map(row).collect(),
            comparison: known.verdict.as_ref().map(|verdict| Comparison {
                age: wording::age(now.since(&verdict.at), lang),
                compared: Count(verdict.compared),
                rejected: Count(verdict.rejected),
                lost: Count(verdict.lost.len() as u64),
                ids: verdict.lost.iter().take(IDS_SHOWN).cloned().collect(),
            }),
        }
    }
}

impl Ruling {
    fn new(known: &Knowledge) -> Self {
        let is_silent = known.senders.iter().any(|sender| sender.source.failing.is_some());
        let broker = known.analytics.answer().map(|answer| answer.state.broker.answers);
        if is_silent || known.analytics.failing.is_some() || broker != Some(true) {
            return Self::Blind;
        }
        match (&known.verdict, Rest::of(known)) {
            (Some(verdict), Some(rest)) if verdict.rest == rest => {
                if verdict.lost.is_empty() {
                    Self::Whole
                } else {
                    Self::Lost
                }
            }
            _ => Self::Moving,
        }
    }

    /// One word for it, for the style sheet.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blind => "a-ciegas",
            Self::Moving => "en-camino",
            Self::Whole => "completo",
            Self::Lost => "perdido",
        }
    }
}

fn row(sender: &crate::poll::Sender) -> SenderRow {
    let counts = sender.source.answer().map(|state| {
        let all = &state.published;
        [all.confirmed, all.unroutable, all.refused + all.not_sent, all.unknown].map(Count)
    });
    SenderRow { name: sender.name.clone(), counts, is_away: sender.source.failing.is_some() }
}
