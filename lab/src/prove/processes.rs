//! Processes that are killed, and processes that are asked to end.

use super::outcome::Outcome;
use super::storage::hold_write_lock;
use super::traffic::{Stopped, Traffic};
use super::world::{PATIENCE, World};
use crate::load::Spec;
use crate::load::answer::{REFUSED, RESET};
use crate::part::Part;
use anyhow::Result;
use std::time::Duration;
use tokio::time::Instant;

/// Analytics dies under load, again and again.
pub(super) async fn analytics_killed(world: &World) -> Result<Outcome> {
    let times = world.size.of(20, 3);
    let before = world.redelivered().await?;
    let (traffic, longest) = killed(world, Part::Analytics, times).await?;
    let outcome = traffic.judge().await?.times(times).recovery(longest);
    let again = world.redelivered().await? - before;
    Ok(outcome.check(true, format!("{again} mensajes entregados otra vez")))
}

/// A sender dies under load, again and again; its clients try again.
pub(super) async fn sender_killed(world: &World) -> Result<Outcome> {
    let times = world.size.of(10, 2);
    let (traffic, longest) = killed(world, Part::ClienteX, times).await?;
    let stopped = traffic.stop().await?;
    let noticed = stopped.errors_of(REFUSED) + stopped.errors_of(RESET);
    let outcome = stopped.judge().await?.times(times).recovery(longest);
    Ok(outcome.check(noticed > 0, format!("{noticed} intentos lo notaron y se repitieron")))
}

async fn killed(world: &World, part: Part, times: u32) -> Result<(Traffic<'_>, Duration)> {
    let traffic = Traffic::start(world).await?;
    let longest = traffic
        .through(times, async || {
            let began = Instant::now();
            world.kill(part).await?;
            Ok(began)
        })
        .await?;
    Ok((traffic, longest))
}

/// Analytics dies with the same full prefetch in its hands, more often than a
/// broker's default delivery limit allows: nothing healthy may be dropped.
pub(super) async fn full_prefetch(world: &World) -> Result<Outcome> {
    let times = world.size.of(25, 3);
    let lock = hold_write_lock(world).await?;
    let before = world.redelivered().await?;
    let traffic = Traffic::of(world, [world.bulk(3000, 20)]).await?;
    traffic.is_over(PATIENCE).await?;
    for _ in 0..times {
        world.until_a_batch_fails(Part::Analytics).await?;
        world.kill(Part::Analytics).await?;
    }
    drop(lock);
    let unlocked = Instant::now();
    world.until_ready(Part::Analytics).await?;
    let recovery = unlocked.elapsed();
    let outcome = traffic.judge().await?.times(times).recovery(recovery);
    let again = world.redelivered().await? - before;
    let whole = u64::from(times) * 1000;
    Ok(outcome.check(again >= whole, format!("{again} mensajes entregados otra vez")))
}

/// How many requests an ending server may leave without an answer. Linux resets
/// the connections that it had accepted by itself when the listening socket is
/// closed, and a kept one may be used just as it is closed: nobody had read
/// these requests. What was read is answered (a test of `service-kit`).
const UNREAD_AT_THE_END: u64 = 1;

/// Every service is asked to end in turn, under load that goes straight to the
/// senders and through the door; then the door itself.
pub(super) async fn sigterm_in_turn(world: &World) -> Result<Outcome> {
    let services = [Part::Analytics, Part::ClienteX, Part::ClienteUno, Part::Panel];
    let loads = [world.steady(200.0, true), through_the_door(world)?];
    let (stopped, longest) = terminated(world, loads, &services).await?;
    let [direct, door] = [0, 1].map(|load| stopped.histories[load].errors_of(RESET));
    let outcome = stopped.judge().await?;
    let (stopped, of_door) =
        terminated(world, [through_the_door(world)?], &[Part::Traefik]).await?;
    let closed = stopped.errors_of(RESET);
    let verdict = outcome.verdict.and(stopped.judge().await?.verdict);
    let outcome = Outcome { verdict, ..outcome }.times(5).recovery(longest.max(of_door));
    // Docker's own proxy of a published port takes a connection, and then finds
    // nobody behind it: there, only what comes by the door tells something.
    let outcome = match world.containers() {
        Ok(_) => outcome,
        Err(_) => outcome.check(
            // Two senders end.
            direct <= 2 * UNREAD_AT_THE_END,
            format!("{direct} conexiones cerradas sin respuesta, directo, y repetidas"),
        ),
    };
    Ok(outcome
        .check(door == 0, format!("{door} conexiones cerradas sin respuesta, por la puerta"))
        .check(true, format!("{closed} cerradas por Traefik al terminar él mismo, y repetidas")))
}

fn through_the_door(world: &World) -> Result<Spec> {
    let urls = vec![format!("{}/send", world.url_of(Part::Traefik)?)];
    Ok(Spec { urls, ..world.steady(50.0, true) })
}

async fn terminated<'a>(
    world: &'a World,
    loads: impl IntoIterator<Item = Spec>,
    parts: &[Part],
) -> Result<(Stopped<'a>, Duration)> {
    let traffic = Traffic::of(world, loads).await?;
    let mut longest = Duration::ZERO;
    for part in parts {
        traffic.goes_on().await?;
        world.halt(*part).await?;
        let began = Instant::now();
        world.launch(*part).await?;
        longest = longest.max(traffic.recovers(began).await?);
    }
    Ok((traffic.stop().await?, longest))
}
