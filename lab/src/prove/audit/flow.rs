//! Messages without pause from one system to another, and the comparison of what was
//! confirmed, what is kept, and what the destination has.

use super::api::{Audit, Kept};
use super::systems::{Names, Speaker, System};
use crate::load::check::Counted;
use crate::load::{Fate, Verdict, check};
use crate::prove::outcome::Outcome;
use crate::prove::wait::until;
use crate::prove::world::PATIENCE;
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Messages published together, and how often: two hundred a second.
const TOGETHER: u64 = 4;
const EVERY: Duration = Duration::from_millis(20);

/// How many further confirmed messages show that it goes on.
const SOME: usize = 30;

/// How long nothing may have been forwarded before nothing is waited for any more.
const STILL: Duration = Duration::from_secs(30);

/// The state of what the destination's mailbox has.
pub(super) const FORWARDED: &str = "reenviado";

type Sent = Vec<(Uuid, Fate)>;

/// Messages under way.
pub(super) struct Flow<'a> {
    audit: &'a Audit<'a>,
    names: &'a Names,
    destination: System,
    sent: Arc<Mutex<Sent>>,
    stop: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl<'a> Flow<'a> {
    /// Registers both systems, and begins.
    pub(super) async fn start(audit: &'a Audit<'a>, names: &'a Names) -> Result<Self> {
        let source = System::register(audit, names.source).await?;
        let destination = System::register(audit, names.destination).await?;
        let speaker = Speaker::of(&source).await?;
        let (sent, stop) = (Arc::default(), CancellationToken::new());
        let publishing = publish(speaker, names.destination, Arc::clone(&sent), stop.clone());
        let task = tokio::spawn(publishing);
        Ok(Self { audit, names, destination, sent, stop, task })
    }

    /// How many were published so far.
    pub(super) fn count(&self) -> usize {
        locked(&self.sent).len()
    }

    /// Waits until some more are confirmed; one of the last.
    pub(super) async fn goes_on(&self) -> Result<Uuid> {
        let before = self.count();
        until("más mensajes confirmados", PATIENCE, async || {
            let sent = locked(&self.sent);
            let confirmed = sent[before..].iter().filter(|(_, fate)| *fate == Fate::Confirmed);
            let ids: Vec<_> = confirmed.map(|(id, _)| *id).collect();
            Ok(ids.last().filter(|_| ids.len() >= SOME).copied())
        })
        .await
    }

    /// How long it took from `began` until a message that was confirmed after that is
    /// forwarded.
    pub(super) async fn recovers(&self, began: Instant) -> Result<Duration> {
        let id = self.goes_on().await?;
        until("un mensaje reenviado", PATIENCE, async || {
            let state = self.audit.state(id).await?;
            Ok((state.as_deref() == Some(FORWARDED)).then_some(()))
        })
        .await?;
        Ok(began.elapsed())
    }

    /// Publishes nothing further, waits until all is forwarded, and compares.
    pub(super) async fn judge(self) -> Result<Judged> {
        self.stop.cancel();
        self.task.await??;
        let sent = std::mem::take(&mut *locked(&self.sent));
        let kept = settled(self.audit, self.names.source, &sent).await?;
        let taken = self.destination.takes(self.names.mailbox).await?;
        ensure!(!sent.is_empty(), "no se publicó ningún mensaje: el escenario no prueba nada");
        Ok(Judged::new(sent, kept.iter().map(|kept| kept.id).collect(), &taken))
    }
}

/// Publishes until told to stop.
async fn publish(
    speaker: Speaker,
    to: &'static str,
    sent: Arc<Mutex<Sent>>,
    stop: CancellationToken,
) -> Result<()> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        ticks.tick().await;
        let body = json!({ "pedido": 4711 });
        let message = |_| speaker.message(to, "prueba.v1", Timestamp::now(), &body);
        let fates = speaker.publish((0..TOGETHER).map(message).collect()).await;
        locked(&sent).extend(fates);
    }
    speaker.end().await
}

fn locked(sent: &Mutex<Sent>) -> MutexGuard<'_, Sent> {
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is kept, once all that was confirmed is forwarded, or nothing more is.
async fn settled(audit: &Audit<'_>, source: &str, sent: &Sent) -> Result<Vec<Kept>> {
    let (mut known, mut since) = (0, Instant::now());
    loop {
        let kept = audit.kept(source).await?;
        let forwarded: HashSet<_> =
            kept.iter().filter(|kept| kept.state == FORWARDED).map(|kept| kept.id).collect();
        let is_forwarded =
            |(id, fate): &(Uuid, Fate)| *fate != Fate::Confirmed || forwarded.contains(id);
        if sent.iter().all(is_forwarded) || since.elapsed() >= STILL {
            return Ok(kept);
        }
        if forwarded.len() != known {
            (known, since) = (forwarded.len(), Instant::now());
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// What became of a flow.
pub(super) struct Judged {
    sent: Sent,
    kept: Vec<Uuid>,
    /// How often each was forwarded.
    forwarded: HashMap<Uuid, u64>,
}

impl Judged {
    fn new(sent: Sent, kept: Vec<Uuid>, taken: &[Uuid]) -> Self {
        let mut forwarded = HashMap::new();
        for id in taken {
            *forwarded.entry(*id).or_default() += 1;
        }
        Self { sent, kept, forwarded }
    }

    /// Of what was published in this stretch: confirmed, and forwarded more than once.
    pub(super) fn of(&self, stretch: Range<usize>) -> Result<Stretch> {
        let sent = self.sent.get(stretch).context("nunca se publicó tanto")?;
        let kept: HashSet<_> = self.kept.iter().collect();
        let is_lost = |id: &Uuid| !self.forwarded.contains_key(id) || !kept.contains(id);
        let confirmed = sent.iter().filter(|(_, fate)| *fate == Fate::Confirmed);
        let ids: Vec<_> = confirmed.map(|(id, _)| id).collect();
        let again = ids.iter().filter(|id| self.forwarded.get(**id) > Some(&1)).count();
        let lost = ids.iter().filter(|id| is_lost(id)).count();
        Ok(Stretch { confirmed: ids.len(), lost, again })
    }

    /// By the worse of two witnesses: the copies, and the destination's mailbox. A message
    /// that is kept once and was forwarded twice is none too many.
    pub(super) fn verdict(&self) -> Verdict {
        let against = |ids: Vec<Uuid>| {
            check(self.sent.iter().copied(), &Counted { ids, ..Counted::default() })
        };
        let kept = against(self.kept.clone());
        let forwarded = against(self.forwarded.keys().copied().collect());
        Verdict {
            lost: kept.lost.max(forwarded.lost),
            unexpected: kept.unexpected.max(forwarded.unexpected),
            phantom: kept.phantom.max(forwarded.phantom),
            ..kept
        }
    }

    /// The verdict, and whether the copies are those of what was forwarded.
    pub(super) fn outcome(&self) -> Outcome {
        let kept: HashSet<_> = self.kept.iter().collect();
        let same = kept.len() == self.forwarded.len()
            && kept.iter().all(|id| self.forwarded.contains_key(id));
        let again = self.forwarded.values().filter(|times| **times > 1).count();
        Outcome::of(self.verdict()).check(
            same,
            format!(
                "{} guardados, {} reenviados, {again} de ellos más de una vez",
                self.kept.len(),
                self.forwarded.len()
            ),
        )
    }
}

/// A part of a flow, in numbers of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) confirmed: usize,
    pub(super) lost: usize,
    /// Forwarded more than once.
    pub(super) again: usize,
}

#[cfg(test)]
mod tests {
    use super::{Fate, Judged, Stretch};
    use uuid::Uuid;

    fn ids(numbers: &[u128]) -> Vec<Uuid> {
        numbers.iter().copied().map(Uuid::from_u128).collect()
    }

    /// Messages 1 to 3 confirmed.
    fn judged(kept: &[u128], taken: &[u128]) -> Judged {
        let sent = ids(&[1, 2, 3]).into_iter().map(|id| (id, Fate::Confirmed)).collect();
        Judged::new(sent, ids(kept), &ids(taken))
    }

    #[test]
    fn kept_once_and_forwarded_at_least_once_is_exact() {
        let exact = judged(&[3, 1, 2], &[1, 2, 2, 3]);
        assert!(exact.outcome().is_ok());
        assert_eq!(exact.of(0..2).unwrap(), Stretch { confirmed: 2, lost: 0, again: 1 });
    }

    #[test]
    fn what_either_witness_lacks_or_has_too_much_is_found() {
        let found = |kept: &[u128], taken: &[u128]| {
            let judged = judged(kept, taken);
            assert!(!judged.outcome().is_ok());
            let verdict = judged.verdict();
            [verdict.lost, verdict.duplicated, verdict.unexpected]
        };
        assert_eq!(found(&[1, 2], &[1, 2, 3]), [1, 0, 0], "no copy");
        assert_eq!(found(&[1, 2, 3], &[1, 3]), [1, 0, 0], "not forwarded");
        assert_eq!(found(&[1, 2, 3, 3], &[1, 2, 3]), [0, 1, 0], "two copies");
        assert_eq!(found(&[1, 2, 3, 9], &[1, 2, 3, 9]), [0, 0, 1], "never published");
        assert_eq!(judged(&[1, 2], &[1, 2, 3]).of(2..3).unwrap().lost, 1);
    }
}
