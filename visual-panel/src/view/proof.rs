//! The proof: what was sent, where it is, and whether anything was lost.

use crate::{
    clock::Clock,
    knowledge::{Knowledge, Sender},
    lang::Lang,
    proof::{Finding, Verdict},
    states::Published,
    wording::{self, Count},
};

use super::numbers::Waiting;

/// Ids of lost messages that are shown.
const IDS_SHOWN: usize = 20;

/// Attempts that a sender remembers; its own limit is the same.
const REMEMBERED: u64 = 10_000;

/// The page.
#[derive(Debug, Clone)]
pub struct Proof {
    /// What the verdict is.
    pub ruling: Ruling,
    /// Whether several processes count: what is of one process is of one of them.
    pub is_several: bool,
    /// Who does not answer, or did not when it was compared.
    pub silent: Vec<String>,
    /// The last comparison by id.
    pub comparison: Option<Comparison>,
    /// What became of all attempts to publish, since each sender started.
    pub totals: Outcomes,
    /// In the queue, or in analytics' hands; none where nobody knows.
    pub waiting: Option<Waiting>,
    /// Counted, since the beginning.
    pub counted: Option<Count>,
    /// Recognised as counted before, since analytics started.
    pub duplicates: Option<Count>,
    /// In the dead-letter queue.
    pub dead: Option<Count>,
    /// One row for each sender.
    pub senders: Vec<SenderRow>,
    /// How long ago what is not of now was told, in words.
    pub stale: Option<String>,
}

/// What the verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// Somebody cannot be asked.
    Blind,
    /// Nothing was compared yet.
    Asking,
    /// There is nothing to compare yet.
    Nothing,
    /// Something is on its way, or newer than the comparison; nothing is lost as
    /// far as can be told.
    Moving,
    /// Nothing was lost.
    Whole,
    /// Something was lost.
    Lost,
}

/// What became of attempts to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcomes {
    /// All of them.
    pub sent: Count,
    /// Confirmed by the broker.
    pub confirmed: Count,
    /// Returned: no queue was bound.
    pub unroutable: Count,
    /// Refused by the broker.
    pub refused: Count,
    /// Never sent.
    pub not_sent: Count,
    /// Without an answer: they may have arrived or not.
    pub unknown: Count,
}

/// One sender's part.
#[derive(Debug, Clone)]
pub struct SenderRow {
    /// Its name.
    pub name: String,
    /// Its counters; none where it has never answered.
    pub outcomes: Option<Outcomes>,
    /// How long ago it told them, where it does not answer now.
    pub stale: Option<String>,
}

/// The last comparison by id.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// How long ago.
    pub age: String,
    /// Confirmed messages that were looked up.
    pub compared: Count,
    /// Of them, counted.
    pub counted: Count,
    /// Of them, in the dead-letter queue.
    pub rejected: Count,
    /// Of them, on their way.
    pub under_way: Count,
    /// Of them, nowhere.
    pub lost: Count,
    /// Ids of the first of these.
    pub ids: Vec<String>,
    /// Whether senders have confirmed more than they remember.
    pub is_partial: bool,
}

impl Proof {
    /// The page, at `now`.
    #[must_use]
    pub fn new(known: &Knowledge, now: &Clock, lang: Lang) -> Self {
        let verdict = known.verdict.answer();
        let mut silent = known.silent(lang.say("analíticas", "analytics"));
        let unasked = verdict.into_iter().flat_map(|verdict| &verdict.silent);
        silent.extend(unasked.filter(|name| !silent.contains(name)).cloned().collect::<Vec<_>>());
        let is_blind = !silent.is_empty() || known.verdict.failing.is_some();
        let analytics = known.analytics.answer();
        let broker = known.broker.as_ref().map(|seen| &seen.state);
        let heard = known.verdict.last.as_ref();
        Self {
            ruling: Ruling::new(is_blind, verdict, known),
            is_several: known.is_several(now),
            silent,
            comparison: heard.map(|heard| {
                let age = wording::age(now.since(&heard.asked), lang);
                Comparison::new(&heard.answer.finding, age, known)
            }),
            totals: Outcomes::of(&sum(known)),
            waiting: Waiting::new(known, now),
            counted: analytics.map(|state| Count(state.total)),
            duplicates: analytics.map(|state| Count(state.duplicates)),
            dead: broker.and_then(|broker| broker.dead).map(|dead| Count(dead.messages)),
            senders: known.senders.iter().map(|sender| row(sender, now, lang)).collect(),
            stale: known.staleness(now).map(|age| wording::age(age, lang)),
        }
    }
}

impl Ruling {
    fn new(is_blind: bool, verdict: Option<&Verdict>, known: &Knowledge) -> Self {
        let Some(verdict) = verdict else {
            return if is_blind { Self::Blind } else { Self::Asking };
        };
        match &verdict.finding {
            // What is lost stays lost, whoever is silent.
            finding if !finding.lost.is_empty() => Self::Lost,
            _ if is_blind => Self::Blind,
            finding if finding.compared == 0 => Self::Nothing,
            finding if finding.under_way > 0 || !verdict.is_current(known) => Self::Moving,
            _ => Self::Whole,
        }
    }

    /// One word for it, for the style sheet.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blind => "a-ciegas",
            Self::Asking => "comparando",
            Self::Nothing => "nada",
            Self::Moving => "en-camino",
            Self::Whole => "completo",
            Self::Lost => "perdido",
        }
    }
}

impl Comparison {
    fn new(finding: &Finding, age: String, known: &Knowledge) -> Self {
        let lost = finding.lost.len() as u64;
        let others = finding.rejected.saturating_add(finding.under_way).saturating_add(lost);
        let mut published = known.senders.iter().filter_map(|sender| sender.source.answer());
        Self {
            age,
            compared: Count(finding.compared),
            counted: Count(finding.compared.saturating_sub(others)),
            rejected: Count(finding.rejected),
            under_way: Count(finding.under_way),
            lost: Count(lost),
            ids: finding.lost.iter().take(IDS_SHOWN).map(|lost| lost.id.clone()).collect(),
            is_partial: published.any(|state| state.published.all() > REMEMBERED),
        }
    }
}

impl Outcomes {
    fn of(all: &Published) -> Self {
        Self {
            sent: Count(all.all()),
            confirmed: Count(all.confirmed),
            unroutable: Count(all.unroutable),
            refused: Count(all.refused),
            not_sent: Count(all.not_sent),
            unknown: Count(all.unknown),
        }
    }

    /// Returned or refused: the broker did not take them.
    #[must_use]
    pub fn returned(&self) -> Count {
        Count(self.unroutable.0.saturating_add(self.refused.0))
    }
}

fn sum(known: &Knowledge) -> Published {
    let published = known.senders.iter().filter_map(|sender| sender.source.answer());
    published.map(|state| state.published).fold(Published::default(), |sum, one| Published {
        confirmed: sum.confirmed.saturating_add(one.confirmed),
        unroutable: sum.unroutable.saturating_add(one.unroutable),
        refused: sum.refused.saturating_add(one.refused),
        not_sent: sum.not_sent.saturating_add(one.not_sent),
        unknown: sum.unknown.saturating_add(one.unknown),
    })
}

fn row(sender: &Sender, now: &Clock, lang: Lang) -> SenderRow {
    let source = &sender.source;
    let away = source.failing.and_then(|_| source.staleness(now));
    SenderRow {
        name: sender.name.clone(),
        outcomes: source.answer().map(|state| Outcomes::of(&state.published)),
        stale: away.map(|age| wording::age(age, lang)),
    }
}

#[cfg(test)]
mod tests {
    use crate::proof::Lost;

    use super::*;

    fn lost(id: &str) -> Lost {
        Lost { id: id.to_owned(), confirmed: jiff::Timestamp::UNIX_EPOCH }
    }

    fn ruling(is_blind: bool, finding: Finding) -> Ruling {
        Ruling::new(is_blind, Some(&Verdict::of(finding)), &Knowledge::default())
    }

    #[test]
    fn the_verdict_follows_from_what_was_found_and_from_who_answers() {
        let nothing = Finding::default();
        let whole = Finding { compared: 3, rejected: 1, ..Finding::default() };
        let moving = Finding { under_way: 2, ..whole.clone() };
        let lost = Finding { lost: vec![lost("x")], ..moving.clone() };
        for (finding, seeing, blind) in [
            (nothing, Ruling::Nothing, Ruling::Blind),
            (whole, Ruling::Whole, Ruling::Blind),
            (moving, Ruling::Moving, Ruling::Blind),
            (lost, Ruling::Lost, Ruling::Lost),
        ] {
            assert_eq!(ruling(false, finding.clone()), seeing, "{finding:?}");
            assert_eq!(ruling(true, finding.clone()), blind, "{finding:?}");
        }
        let known = Knowledge::default();
        assert_eq!(Ruling::new(false, None, &known), Ruling::Asking);
        assert_eq!(Ruling::new(true, None, &known), Ruling::Blind);
    }

    #[test]
    fn what_is_newer_than_the_comparison_is_on_its_way() {
        let verdict = Verdict::of(Finding { compared: 3, ..Finding::default() });
        let mut known = Knowledge::default();
        known.hear_analytics(
            Ok(crate::knowledge::sample("click", "2025-04-06T12:00:00Z")),
            crate::knowledge::Attempt::at(Clock::now()),
        );
        assert_eq!(Ruling::new(false, Some(&verdict), &known), Ruling::Moving);
    }

    #[test]
    fn what_was_compared_is_counted_or_has_another_place() {
        let lost = vec![lost("a"), lost("b")];
        let finding = Finding { compared: 10, rejected: 1, under_way: 3, lost };
        let page = Comparison::new(&finding, String::new(), &Knowledge::default());
        let all = [page.counted, page.rejected, page.under_way, page.lost].map(|count| count.0);
        assert_eq!(all, [4, 1, 3, 2]);
        assert!(!page.is_partial);
    }
}
