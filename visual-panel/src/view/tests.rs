//! The page in each of its states, without a server.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{
    knowledge::{Attempt, STALE_AFTER},
    neighbour::Away,
    wording::Count,
};

const NOON: &str = "2025-04-13T12:00:00Z";

fn counted(report: &Value) -> Counted {
    Counted {
        report: serde_json::from_str(&report.to_string()).expect("a report"),
        latest: serde_json::from_value(json!({"eventos": []})).expect("a list of events"),
    }
}

fn report(clients: &[(&str, u64)], pages: u64) -> Value {
    let total: u64 = clients.iter().map(|(_, count)| count).sum();
    let clients: serde_json::Map<_, _> =
        clients.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
    json!({"total": total, "clientes": clients, "eventos": {"click": total},
           "primero": null, "ultimo": null, "pagina": 1, "paginas": pages})
}

fn heard(report: &Value, at: Clock) -> Knowledge {
    Knowledge::default().after(Ok(counted(report)), at)
}

impl Knowledge {
    fn after(mut self, outcome: Result<Counted, Away>, now: Clock) -> Self {
        self.counts.hear(outcome, Attempt::at(now));
        self
    }
}

fn view(known: &Knowledge, now: &Clock) -> View {
    View::new(known, now, Lang::Es)
}

fn away(reason: Reason) -> Result<Counted, Away> {
    Err(Away { reason, detail: String::new() })
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

#[test]
fn before_the_first_answer_it_asks() {
    let page = view(&Knowledge::default(), &Clock::now());
    assert_eq!(page.link, Link::Asking);
    assert!(page.counts.is_none() && page.heard.is_none());
}

#[test]
fn never_heard_it_is_away_since_the_first_question() {
    let start = Clock::at(NOON);
    let known = Knowledge::default()
        .after(away(Reason::Unreachable), start)
        .after(away(Reason::Unreachable), start.later(seconds(9)));
    let page = view(&known, &start.later(seconds(10)));
    let Link::Away(absence) = page.link else { panic!("must be away: {:?}", page.link) };
    assert_eq!((plain(&absence.since.age), absence.answers), ("hace 10 s".to_owned(), false));
    assert!(page.counts.is_none());
}

#[test]
fn away_it_keeps_the_counts_and_tells_their_age() {
    let start = Clock::at(NOON);
    let known = heard(&report(&[("cliente_x", 3)], 1), start)
        .after(away(Reason::Status(503)), start.later(seconds(1)));
    let page = view(&known, &start.later(seconds(61)));
    let Link::Away(absence) = &page.link else { panic!("must be away: {:?}", page.link) };
    assert_eq!(plain(&absence.since.age), "hace 1 min 1 s");
    assert_eq!(absence.since.at.words, "12:00:00");
    assert!(absence.answers && absence.reason.contains("503"), "{absence:?}");
    assert_eq!(page.counts.map(|counts| counts.total), Some(Count(3)));
}

#[test]
fn an_answer_makes_it_live_again() {
    let start = Clock::at(NOON);
    let known = Knowledge::default()
        .after(away(Reason::TimedOut), start)
        .after(Ok(counted(&report(&[], 1))), start.later(seconds(1)));
    let page = view(&known, &start.later(seconds(2)));
    assert_eq!(
        (page.link, page.heard.map(|ago| ago.age)),
        (Link::Live, Some("ahora mismo".to_owned()))
    );
}

#[test]
fn old_counts_are_never_shown_as_fresh() {
    let start = Clock::at(NOON);
    let known = heard(&report(&[], 1), start);
    assert_eq!(view(&known, &start.later(STALE_AFTER)).state(), "al-dia");
    assert_eq!(view(&known, &start.later(STALE_AFTER + seconds(1))).state(), "ausente");
}

#[test]
fn others_are_marked_and_bars_are_measured_against_the_longest() {
    let known = heard(&report(&[("(otros)", 1), ("cliente_x", 4)], 1), Clock::now());
    let counts = view(&known, &Clock::now()).counts.expect("counts");
    let bars: Vec<_> = counts
        .bars
        .iter()
        .map(|bar| (bar.is_others, bar.length.to_string(), plain(&bar.share)))
        .collect();
    let expected = [(true, "25.00%", "20 %"), (false, "100.00%", "80 %")]
        .map(|(others, length, share)| (others, length.to_owned(), share.to_owned()));
    assert_eq!(bars, expected);
    assert_eq!(counts.rest, None);
}

#[test]
fn clients_beyond_the_first_page_are_told_by_number_and_by_events() {
    let names: Vec<_> = (0..20).map(|number| format!("c{number:02}")).collect();
    let clients: Vec<_> = names.iter().map(|name| (name.as_str(), 10)).collect();
    let mut report = report(&clients, 3);
    report["total"] = json!(1_200);
    let counts = view(&heard(&report, Clock::now()), &Clock::now()).counts.expect("counts");
    let rest = Rest { least: Count(21), most: Count(40), events: Count(1_000) };
    assert_eq!((counts.bars.len(), counts.rest), (20, Some(rest)));
}

#[test]
fn more_clients_than_asked_for_do_not_lengthen_the_page() {
    let names: Vec<_> = (0..25).map(|number| format!("c{number:02}")).collect();
    let clients: Vec<_> = names.iter().map(|name| (name.as_str(), 2)).collect();
    let known = heard(&report(&clients, 1), Clock::now());
    let counts = view(&known, &Clock::now()).counts.expect("counts");
    let rest = Rest { least: Count(5), most: Count(5), events: Count(10) };
    assert_eq!((counts.bars.len(), counts.rest), (20, Some(rest)));
}

#[test]
fn a_database_that_hangs_is_no_analytics_that_is_away() {
    let start = Clock::at(NOON);
    let mut known = Knowledge::default().after(away(Reason::TimedOut), start);
    let answers = |known: &Knowledge| match view(known, &start).link {
        Link::Away(absence) => absence.answers,
        link => panic!("{link:?}"),
    };
    assert!(!answers(&known));
    let state = crate::knowledge::sample("click", "2025-04-06T12:00:00Z");
    known.hear_analytics(Ok(state), Attempt::at(start));
    assert!(answers(&known));
}
