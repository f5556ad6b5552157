//! The tasks that keep fresh what the panel knows: each service is asked twice a
//! second, and five times as often while its numbers move, however many browsers look.

use std::time::Duration;

use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use service_kit::Shutdown;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};

use crate::{
    clock::Clock,
    faults::Services,
    knowledge::{Attempt, Knowledge, Source},
    neighbour::{Away, Neighbour},
    proof::Prover,
    report::{Counted, SHOWN},
    states::{AnalyticsState, SenderState},
};

/// Time between two questions to one service.
const PERIOD: Duration = Duration::from_millis(500);

/// The same where its numbers have moved since the last question.
const SOON: Duration = Duration::from_millis(100);

/// Time between two samples of the history, and between two comparisons by id.
const SECOND: Duration = Duration::from_secs(1);

/// A comparison may take up to one part in so many of the time: ten thousand
/// messages of each sender are a megabyte.
const COMPARING: u32 = 20;

/// Longest time between two comparisons.
const LATEST: Duration = Duration::from_secs(10);

/// Asks until the shutdown signal, and tells what is known after each attempt.
/// Each service is asked at its own pace: a silent one holds up no other.
pub async fn keep_asking(services: Services, tell: watch::Sender<Knowledge>, shutdown: Shutdown) {
    let has_faults = tell.borrow().faults.is_some();
    let tell = &tell;
    let senders = services.senders.iter().enumerate();
    let senders = join_all(senders.map(|(place, sender)| ask_sender(sender, place, tell)));
    let asking = async {
        tokio::join!(
            ask_counts(&services.analytics, tell),
            ask_analytics(&services.analytics, tell),
            senders,
            ask_faults(&services, has_faults, tell),
            keep_history(tell),
            keep_proving(&services, tell)
        )
    };
    tokio::select! {
        _ = asking => {}
        () = shutdown.raised() => {}
    }
}

async fn ask_counts(analytics: &Neighbour, tell: &watch::Sender<Knowledge>) {
    let (reporte, eventos) =
        (format!("reporte?orden=eventos&limite={SHOWN}"), format!("eventos?limite={SHOWN}"));
    let ask = || async {
        let (report, latest) = tokio::try_join!(analytics.get(&reporte), analytics.get(&eventos))?;
        Ok(Counted { report, latest })
    };
    let total = |counted: &Counted| counted.report.total;
    again_and_again(ask, |outcome, attempt| {
        let pause = pause(&tell.borrow().counts, &outcome, total);
        tell.send_modify(|known| known.counts.hear(outcome, attempt));
        pause
    })
    .await;
}

async fn ask_analytics(analytics: &Neighbour, tell: &watch::Sender<Knowledge>) {
    let ask = || analytics.get("estado");
    again_and_again(ask, |outcome, attempt| {
        let counted = |state: &AnalyticsState| state.counted;
        let pause = pause(&tell.borrow().analytics, &outcome, counted);
        tell.send_modify(|known| {
            log_news("analytics", &known.analytics, &outcome);
            known.hear_analytics(outcome, attempt);
        });
        pause
    })
    .await;
}

async fn ask_sender(sender: &Neighbour, place: usize, tell: &watch::Sender<Knowledge>) {
    let ask = || sender.get("estado");
    again_and_again(ask, |outcome, attempt| {
        let confirmed = |state: &SenderState| state.published.confirmed;
        let known = tell.borrow();
        let before = known.senders.get(place).map(|sender| &sender.source);
        let pause = before.map_or(PERIOD, |before| pause(before, &outcome, confirmed));
        drop(known);
        tell.send_modify(|known| {
            if let Some(known) = known.senders.get_mut(place) {
                log_news(&known.name, &known.source, &outcome);
                known.hear(outcome, attempt);
            }
        });
        pause
    })
    .await;
}

/// Asks for the switches, where they are offered.
async fn ask_faults(services: &Services, has_faults: bool, tell: &watch::Sender<Knowledge>) {
    if !has_faults {
        return;
    }
    let senders = services.senders.iter().enumerate();
    let senders = join_all(senders.map(|(place, sender)| {
        ask_switches(sender, tell, move |known| known.senders.get_mut(place)?.faults.as_mut())
    }));
    let analytics = ask_switches(&services.analytics, tell, |known| known.faults.as_mut());
    tokio::join!(analytics, senders);
}

async fn ask_switches<T: DeserializeOwned>(
    of: &Neighbour,
    tell: &watch::Sender<Knowledge>,
    place: impl Fn(&mut Knowledge) -> Option<&mut Source<T>>,
) {
    let ask = || of.get("fallos");
    again_and_again(ask, |outcome, attempt| {
        tell.send_modify(|known| {
            if let Some(faults) = place(known) {
                faults.hear(outcome, attempt);
            }
        });
        PERIOD
    })
    .await;
}

/// Asks, for ever; who hears the outcome says how soon after one question the next
/// may come.
async fn again_and_again<T, F>(
    ask: impl Fn() -> F,
    hear: impl Fn(Result<T, Away>, Attempt) -> Duration,
) where
    F: Future<Output = Result<T, Away>>,
{
    loop {
        let (begun, asked) = (Instant::now(), Clock::now());
        let outcome = ask().await;
        let pause = hear(outcome, Attempt { asked, ended: Clock::now() });
        sleep_until(begun + pause).await;
    }
}

/// How soon to ask again, given what was known before: sooner where a number moved.
fn pause<T>(before: &Source<T>, outcome: &Result<T, Away>, number: impl Fn(&T) -> u64) -> Duration {
    let moved = |now: &T| before.answer().map(&number) != Some(number(now));
    if outcome.as_ref().is_ok_and(moved) { SOON } else { PERIOD }
}

/// Compares by id whenever something has changed, or is still on its way.
async fn keep_proving(services: &Services, tell: &watch::Sender<Knowledge>) {
    let mut prover = Prover::default();
    loop {
        let known = tell.borrow().clone();
        // What analytics takes, and remembers, it has to tell first.
        let is_due = known.analytics.fresh().is_some() && !known.is_proven();
        let pause = if is_due { prove(&mut prover, services, known, tell).await } else { SECOND };
        sleep(pause).await;
    }
}

/// Compares once, and says how long to wait until the next time: who failed is
/// asked again soon.
async fn prove(
    prover: &mut Prover,
    services: &Services,
    known: Knowledge,
    tell: &watch::Sender<Knowledge>,
) -> Duration {
    let asked = Clock::now();
    let outcome = prover.compare(services, &known).await;
    let attempt = Attempt { asked, ended: Clock::now() };
    let is_whole = outcome.as_ref().is_ok_and(|verdict| verdict.silent.is_empty());
    tell.send_modify(|known| {
        log_news("the comparison by id", &known.verdict, &outcome);
        known.verdict.hear(outcome, attempt);
    });
    let took = attempt.ended.since(&asked) * COMPARING;
    if is_whole { took.clamp(SECOND, LATEST) } else { SECOND }
}

async fn keep_history(tell: &watch::Sender<Knowledge>) {
    let mut ticks = interval(SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tell.send_modify(|known| known.sample(Clock::now()));
    }
}

fn log_news<T>(who: &str, before: &Source<T>, outcome: &Result<T, Away>) {
    match outcome {
        _ if !before.is_news(outcome) => {}
        Ok(_) => log::info!("{who}: answered"),
        Err(away) => log::warn!("{who}: no answer: {}", away.detail),
    }
}
