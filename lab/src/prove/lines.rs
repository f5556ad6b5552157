//! Lines to the broker that break: with and without a word, in both directions
//! or in one.

use super::outcome::Outcome;
use super::storage::hold_write_lock;
use super::traffic::Traffic;
use super::world::{DUPLICATES, Line, World};
use crate::part::Part;
use anyhow::Result;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a line stays broken.
const BROKEN: Duration = Duration::from_secs(5);

/// Nothing passes between senders and broker, and nobody is told.
pub(super) async fn silent(world: &World) -> Result<Outcome> {
    let times = world.size.of(3, 1);
    let traffic = Traffic::start(world).await?;
    let longest = traffic
        .through(times, async || {
            world.silence(Line::Senders).await?;
            sleep(BROKEN).await;
            world.restore(Line::Senders).await?;
            Ok(Instant::now())
        })
        .await?;
    let stopped = traffic.stop().await?;
    let (unknown, slowest) = (stopped.errors_of("desconocido"), stopped.slowest_refusal());
    let outcome = stopped.judge().await?.times(times).recovery(longest);
    Ok(outcome
        .check(unknown > 0, format!("{unknown} intentos respondidos con 503 «desconocido»"))
        .told(slowest))
}

/// Messages reach the broker, and no confirm comes back.
pub(super) async fn lost_confirms(world: &World) -> Result<Outcome> {
    let times = world.size.of(3, 1);
    let traffic = Traffic::start(world).await?;
    let duplicates = world.metric(Part::Analytics, DUPLICATES).await?;
    let line = world.native()?.senders_line();
    let longest = traffic
        .through(times, async || {
            line.deafen();
            sleep(BROKEN).await;
            line.restore();
            Ok(Instant::now())
        })
        .await?;
    let stopped = traffic.stop().await?;
    let unknown = stopped.errors_of("desconocido");
    let outcome = stopped.judge().await?.times(times).recovery(longest);
    let twice = world.metric(Part::Analytics, DUPLICATES).await? - duplicates;
    let recovered = outcome.verdict.recovered;
    Ok(outcome
        .check(unknown > 0, format!("{unknown} intentos respondidos con 503 «desconocido»"))
        .check(twice > 0.0, format!("{twice:.0} reintentos reconocidos y no contados otra vez"))
        .check(recovered > 0, format!("{recovered} sin respuesta y sin reintento, contados")))
}

/// The line between analytics and broker breaks while a batch is at hand: it
/// comes again on a new connection, where the old delivery tags mean nothing.
pub(super) async fn of_analytics(world: &World) -> Result<Outcome> {
    let line = world.native()?.analytics_line();
    let times = world.size.of(5, 2);
    let before = world.redelivered().await?;
    let traffic = Traffic::start(world).await?;
    let mut longest = Duration::ZERO;
    for turn in 0..times {
        traffic.goes_on().await?;
        let lock = hold_write_lock(world).await?;
        traffic.goes_on().await?;
        if turn % 2 == 0 {
            line.cut();
            world.until_unready(Part::Analytics, "sin conexión con RabbitMQ").await?;
        } else {
            line.silence();
            sleep(BROKEN).await;
        }
        line.restore();
        drop(lock);
        longest = longest.max(traffic.recovers(Instant::now()).await?);
    }
    let outcome = traffic.judge().await?.times(times).recovery(longest);
    let again = world.redelivered().await? - before;
    Ok(outcome.check(again > 0, format!("{again} mensajes entregados otra vez")))
}
