//! What destinations tell comes before the message, twice, late, or of a message that
//! nobody knows; and each time the proxy dies with it in its hands.

mod cases;

use super::api::Audit;
use super::flow::FORWARDED;
use super::systems::{Names, Speaker, System};
use crate::load::check::Counted;
use crate::load::{Fate, check};
use crate::prove::outcome::Outcome;
use crate::prove::wait::until;
use crate::prove::world::{PATIENCE, World};
use anyhow::{Result, ensure};
use cases::{CASES, Trial};
use jiff::Timestamp;
use messages::names::{NOTIFICATION_TYPE, NOTIFICATIONS};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

const NAMES: Names = Names {
    source: "avisos-origen",
    destination: "avisos-destino",
    mailbox: "buzon_avisos-destino",
};

/// Where the proxy dies: what was told is kept, and not acknowledged.
const POINT: &str = "notificado";

/// Messages of each case in a round.
const OF_EACH: usize = 5;

/// How often it dies in a round.
const IN_A_ROUND: u32 = 2;

/// Every final state is that of what was told last, and all that was told is kept once.
pub(in crate::prove) async fn notices(world: &World) -> Result<Outcome> {
    let times: u32 = world.size.of(20, 2);
    let audit = Audit::mortal(world).await?;
    let source = System::register(&audit, NAMES.source).await?;
    let destination = System::register(&audit, NAMES.destination).await?;
    let mut round = Round {
        source: Speaker::of(&source).await?,
        destination: Speaker::of(&destination).await?,
        audit: &audit,
        trials: Vec::new(),
        told: Vec::new(),
        longest: Duration::ZERO,
    };
    let mut all = Vec::new();
    for _ in 0..times / IN_A_ROUND {
        round.run().await?;
        all.append(&mut round.trials);
    }
    let Round { source, destination, told, longest, .. } = round;
    source.end().await?;
    destination.end().await?;
    let mut stories = Vec::new();
    for trial in &all {
        stories.push(audit.story(trial.message).await?);
    }
    Ok(judge(&all, &stories, &told).times(times).recovery(longest))
}

/// Messages of every case, and two deaths.
struct Round<'a> {
    source: Speaker,
    destination: Speaker,
    audit: &'a Audit<'a>,
    trials: Vec<Trial>,
    /// Notifications of all rounds, by their own ids.
    told: Vec<(Uuid, Fate)>,
    longest: Duration,
}

impl Round<'_> {
    async fn run(&mut self) -> Result<()> {
        self.trials = CASES.iter().flat_map(|case| (0..OF_EACH).map(|_| Trial::of(case))).collect();
        self.tell(|trial| trial.case.is_told_first).await?;
        self.publish().await?;
        self.tell(|trial| !trial.case.is_told_first).await
    }

    /// Tells what there is to tell of these, the proxy dies of it, and all of it is
    /// judged again.
    async fn tell(&mut self, chosen: impl Fn(&Trial) -> bool) -> Result<()> {
        let notifications: Vec<_> = self
            .trials
            .iter()
            .filter(|trial| chosen(trial))
            .flat_map(|trial| trial.notifications(&self.destination))
            .collect();
        let began = Instant::now();
        let mut fates = Vec::new();
        let (audit, destination) = (self.audit, &self.destination);
        audit
            .dies_at(POINT, async || {
                fates = destination.publish(notifications).await;
                Ok(())
            })
            .await?;
        for (id, fate) in fates {
            // The same one may be told twice.
            if self.told.iter().all(|(told, _)| *told != id) {
                self.told.push((id, fate));
            }
        }
        for trial in self.trials.iter_mut().filter(|trial| chosen(trial)) {
            until("un aviso guardado", PATIENCE, async || {
                let story = audit.story(trial.message).await?;
                Ok((trial.kept(&story) == trial.notices.len()).then_some(()))
            })
            .await?;
        }
        self.longest = self.longest.max(began.elapsed());
        Ok(())
    }

    /// Publishes the messages, and waits until each is forwarded or further.
    async fn publish(&mut self) -> Result<()> {
        let (source, audit) = (&self.source, self.audit);
        for trial in self.trials.iter_mut().filter(|trial| trial.case.ends.is_some()) {
            let body = json!({});
            let message = source.message(NAMES.destination, "prueba.v1", Timestamp::now(), &body);
            let message = broker::Outgoing { id: trial.message.into(), ..message };
            let fates = source.publish(vec![message]).await;
            ensure!(fates[0].1 == Fate::Confirmed, "un mensaje no se confirmó");
        }
        for trial in self.trials.iter_mut().filter(|trial| trial.case.ends.is_some()) {
            until("un mensaje reenviado", PATIENCE, async || {
                let state = audit.state(trial.message).await?.unwrap_or_default();
                let wanted =
                    if trial.case.is_told_first { trial.case.ends } else { Some(FORWARDED) };
                Ok((Some(state.as_str()) == wanted).then_some(()))
            })
            .await?;
        }
        Ok(())
    }
}

impl Trial {
    /// What is published to tell what is to be told.
    fn notifications(&self, destination: &Speaker) -> Vec<broker::Outgoing> {
        let outgoing = |notice: &cases::Notice| {
            let body = json!({
                "mensaje": self.message, "origen": NAMES.source, "estado": notice.told.state,
            });
            let message =
                destination.message(NOTIFICATIONS, NOTIFICATION_TYPE, notice.created, &body);
            let message = broker::Outgoing { id: notice.id.into(), ..message };
            vec![message; notice.told.copies]
        };
        self.notices.iter().flat_map(outgoing).collect()
    }
}

/// Compares what was told with what is kept of it.
fn judge(trials: &[Trial], stories: &[Value], told: &[(Uuid, Fate)]) -> Outcome {
    let together = || trials.iter().zip(stories);
    let ids = stories.iter().flat_map(cases::kept_ids).collect();
    let counted = Counted { ids, ..Counted::default() };
    let mut outcome = Outcome::of(check(told.iter().copied(), &counted));
    for case in &CASES {
        let of_it = || together().filter(|(trial, _)| trial.case.name == case.name);
        let right = of_it().filter(|(trial, story)| trial.is_right(story)).count();
        let found = format!("{}: {right} de {} acabaron como debían", case.name, of_it().count());
        outcome = outcome.check(right == of_it().count(), found);
    }
    let backwards = together().filter(|(_, story)| cases::goes_back(story)).count();
    outcome.check(backwards == 0, format!("{backwards} mensajes volvieron atrás"))
}
