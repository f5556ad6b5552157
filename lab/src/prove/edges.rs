//! More names than are counted, clocks that differ, and clients that dawdle.

use super::outcome::Outcome;
use super::traffic::Traffic;
use super::world::World;
use crate::part::Part;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// Every event has a client of its own.
pub(super) async fn many_names(world: &World) -> Result<Outcome> {
    let events = world.size.of(2_000_000, 120_000);
    let before = total(world).await?;
    let began = Instant::now();
    let traffic = Traffic::of(world, [world.bulk(events, events)]).await?;
    traffic.is_over(Duration::from_mins(10)).await?;
    let sent = began.elapsed();
    let outcome = traffic.judge().await?;
    let counted = total(world).await? - before;
    let memory = world.resident(Part::Analytics).await?;
    Ok(outcome
        .check(counted == events, format!("el total creció en {counted}"))
        .check(memory < 256, format!("analítica ocupa {memory} MiB"))
        .check(true, format!("confirmados en {:.0} s", sent.as_secs_f64())))
}

async fn total(world: &World) -> Result<u64> {
    let url = format!("{}/reporte?limite=1", world.url_of(Part::Analytics)?);
    let report: Value = world.http().get(url).send().await?.json().await?;
    Ok(report["total"].as_u64().unwrap_or_default())
}

/// How far a clock is set off, in seconds.
const HOUR: i64 = 3600;

/// How exact that is.
const TOLERANCE: i64 = 120;

/// The library that shows a process another time, where it is installed.
pub(super) fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let mut paths = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    paths.find(|path| path.is_file())
}

/// A sender's clock is an hour ahead, then analytics' an hour ahead and behind.
pub(super) async fn clock(world: &World) -> Result<Outcome> {
    let Some(library) = faketime() else {
        return Ok(Outcome::skipped("falta el paquete libfaketime"));
    };
    let traffic = Traffic::start(world).await?;
    let mut offsets = Vec::new();
    for (part, hours) in [(Part::ClienteX, 1), (Part::Analytics, 1), (Part::Analytics, -1)] {
        traffic.goes_on().await?;
        let env = shifted(&library, hours * HOUR);
        world.native()?.restart_with(part, |change| change.env = env).await?;
        traffic.goes_on().await?;
        offsets.push((hours * HOUR - offset(world, part).await?).abs());
    }
    let outcome = traffic.judge().await?.times(3);
    let really = offsets.iter().all(|off| *off < TOLERANCE);
    Ok(outcome.check(really, "los relojes estuvieron una hora adelante y atrás"))
}

/// How far a service's clock is ahead of ours, by what it says of an event.
async fn offset(world: &World, part: Part) -> Result<i64> {
    let url = world.url_of(part)?;
    let told = if part == Part::Analytics {
        let latest: Value =
            world.http().get(format!("{url}/eventos?limite=1")).send().await?.json().await?;
        latest["eventos"][0]["contado"].clone()
    } else {
        let sent: Value = world.http().post(format!("{url}/send")).send().await?.json().await?;
        sent["timestamp"].clone()
    };
    let told = humantime::parse_rfc3339_weak(told.as_str().context("sin hora")?)?;
    Ok(seconds(told)? - seconds(SystemTime::now())?)
}

fn seconds(time: SystemTime) -> Result<i64> {
    Ok(i64::try_from(time.duration_since(UNIX_EPOCH)?.as_secs())?)
}

fn shifted(library: &Path, seconds: i64) -> Vec<(String, String)> {
    [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", format!("{seconds:+}")),
        // Deadlines are measured with the clock that nobody sets.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// How long a head may take to arrive, with a margin, before it is answered or
/// its connection closed.
const HEAD_LIMIT: Duration = Duration::from_secs(40);

/// Hundreds of connections whose requests never end, to a sender and to the
/// door, while others go on.
pub(super) async fn slow_loris(world: &World) -> Result<Outcome> {
    // The door gives a request 30 s, a sender a few.
    let (connections, door) = world.size.of((500, true), (50, false));
    let traffic = Traffic::start(world).await?;
    traffic.goes_on().await?;
    let mut slow = Vec::new();
    for number in 0..connections {
        let part = if door && number % 2 == 0 { Part::Traefik } else { Part::ClienteX };
        let address = world.url_of(part)?.replace("http://", "");
        slow.push(tokio::spawn(dawdle(address)));
    }
    let began = Instant::now();
    traffic.goes_on().await?;
    let mut closed = 0;
    for connection in slow {
        closed += u32::from(connection.await.unwrap_or(false));
    }
    let all_closed = began.elapsed().as_secs();
    traffic.goes_on().await?;
    let stopped = traffic.stop().await?;
    let slowest = stopped.histories.iter().map(|history| history.latency.max()).max();
    let slowest = slowest.unwrap_or_default().as_secs_f64();
    let failed: u64 = stopped.histories.iter().flat_map(|history| history.errors.values()).sum();
    let outcome = stopped.judge().await?.times(connections);
    // A kept connection may be used just as the server closes it for being idle.
    let forgiven = outcome.verdict.attempted / 1000;
    Ok(outcome
        .check(failed <= forgiven, format!("{failed} intentos de los demás fallaron"))
        .check(slowest < 2.0, format!("la respuesta más lenta a los demás tardó {slowest:.2} s"))
        .check(
            closed == connections,
            format!("{closed} conexiones lentas cerradas por el servidor en {all_closed} s"),
        ))
}

/// Sends a head, a byte at a time, until the other side has enough; whether it
/// took the connection, and had enough within the limit.
async fn dawdle(address: String) -> bool {
    let Ok(connection) = TcpStream::connect(&address).await else { return false };
    // A reset is an end as well.
    timeout(HEAD_LIMIT, send_for_ever(connection)).await.is_ok()
}

async fn send_for_ever(mut connection: TcpStream) -> std::io::Result<()> {
    connection.write_all(b"POST /send HTTP/1.1\r\nHost: lento\r\nX-Lento: ").await?;
    let mut answer = [0; 512];
    loop {
        let pause = sleep(Duration::from_millis(500));
        tokio::select! {
            read = connection.read(&mut answer) => match read? {
                0 => return Ok(()),
                _answered => {}
            },
            () = pause => connection.write_all(b"a").await?,
        }
    }
}
