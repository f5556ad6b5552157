//! `load`: sends so many events to the running laboratory, and says whether
//! exactly those that were confirmed have been counted.

use crate::cli::{LoadArgs, Through};
use crate::failure::Failure;
use crate::layout::Layout;
use crate::load::latency::in_millis;
use crate::load::{History, Ledger, Load, Pace, Spec, Verdict, check};
use crate::running::Running;
use crate::settings::Port;
use crate::signals::Interrupts;
use crate::ui;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use messages::names::CLICK;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// How often the progress is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Requests under way at once where a rate is asked for: enough for answers
/// that take a second.
const OPEN_CONNECTIONS: usize = 256;

/// Requests under way at once where nothing is asked for.
const CONNECTIONS: usize = 8;

pub(crate) async fn run(layout: &Layout, args: &LoadArgs) -> Result<u8> {
    let running = Running::find(layout, args.compose).await?;
    let ledger = Ledger::of(&running, false)?;
    let before = ledger.before().await;
    let mut interrupts = Interrupts::listen()?;
    let load = Load::start(spec(&running, args))?;
    show(&load, args.events, &mut interrupts).await;
    let history = tokio::select! {
        history = load.finish() => history?,
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
    };
    let step = ui::step("esperando a que todo quede contado");
    let counted = tokio::select! {
        counted = ledger.settled(std::slice::from_ref(&history), before) => counted?,
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
    };
    drop(step);
    let verdict = check(history.events(), &counted[0]);
    if args.json {
        ui::say(in_json(&history, &verdict)?);
    } else {
        ui::say(report(&history, &verdict));
    }
    Ok(u8::from(!verdict.is_exact()))
}

fn spec(running: &Running, args: &LoadArgs) -> Spec {
    let path = if args.batch > 1 { "/send/batch" } else { "/send" };
    let ports: &[Port] = match args.through {
        Through::Direct => &[Port::ClienteX, Port::ClienteUno, Port::ClienteDos],
        Through::Traefik => &[Port::Http],
    };
    let (pace, connections) = match args.rate {
        Some(rate) => (Pace::PerSecond(rate), OPEN_CONNECTIONS),
        None => (Pace::Closed, args.connections.unwrap_or(CONNECTIONS)),
    };
    Spec {
        urls: ports.iter().map(|port| running.url(*port, path)).collect(),
        events: args.events,
        pace,
        connections,
        clients: args.clients,
        batch: args.batch,
        kinds: vec![CLICK.to_owned()],
        retry: args.retry,
    }
}

/// Draws the progress until all is sent; Ctrl-C has nothing further sent.
async fn show(load: &Load, events: u64, interrupts: &mut Interrupts) {
    let bar = bar(events);
    while !load.is_over() {
        bar.set_position(load.sent());
        bar.set_message(format!("{} confirmados", load.confirmed()));
        tokio::select! {
            () = sleep(TICK) => {}
            () = interrupts.next() => {
                load.stop();
                break;
            }
        }
    }
    bar.finish_and_clear();
}

fn bar(events: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(events), ProgressDrawTarget::stderr());
    let template = "{bar:30} {pos}/{len} · {rate} · {msg} {elapsed}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("rate", rate));
    }
    bar
}

/// Whole events a second.
fn rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    // Where it cannot be drawn, nothing is.
    let _ = write!(text, "{:.0}/s", state.per_sec());
}

/// What is printed in the end.
fn report(history: &History, verdict: &Verdict) -> String {
    let mut text = format!("{}\n", throughput(history, verdict));
    if !history.latency.is_empty() {
        text += &latencies(history);
    }
    if !history.errors.is_empty() {
        text += &errors(history);
    }
    text + &in_words(verdict)
}

fn errors(history: &History) -> String {
    let rows = history.errors.iter().map(|(kind, count)| format!("  {count:>9}  {kind}\n"));
    format!("\nIntentos sin confirmar, por clase (en eventos):\n{}", rows.collect::<String>())
}

fn throughput(history: &History, verdict: &Verdict) -> String {
    let seconds = history.elapsed.as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "for people to read")]
    let rate = verdict.confirmed as f64 / seconds.max(0.001);
    format!("{} eventos en {seconds:.1} s, {rate:.0} confirmados por segundo", verdict.attempted)
}

fn latencies(history: &History) -> String {
    let latency = &history.latency;
    let quantile = |share| in_millis(latency.quantile(share));
    format!(
        "\nLatencia de lo confirmado:\n{}  p50 {} · p90 {} · p99 {} · máx {}\n",
        latency.bars(),
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        in_millis(latency.max())
    )
}

fn in_words(verdict: &Verdict) -> String {
    let row = |name: &str, count: u64, meaning: &str| {
        let line = format!("  {name:<12} {count:>9}  {meaning}");
        format!("{}\n", line.trim_end())
    };
    let rows = [
        row("enviados", verdict.attempted, ""),
        row("confirmados", verdict.confirmed, "respondidos con 2xx"),
        row("rechazados", verdict.refused, "no se enviaron, con certeza"),
        row("desconocidos", verdict.unknown, "sin respuesta cierta"),
        row("contados", verdict.counted, ""),
        row("recuperados", verdict.recovered, "desconocidos que sí llegaron"),
        row("perdidos", verdict.lost, "confirmados y no contados"),
        row("duplicados", verdict.duplicated, "contados más de una vez"),
        row("inesperados", verdict.unexpected, "contados y nunca enviados"),
        row("fantasmas", verdict.phantom, "contados aunque rechazados"),
    ];
    let conclusion = if verdict.is_exact() {
        "✓ exacto: todo lo confirmado está contado, una vez"
    } else {
        "✗ NO es exacto"
    };
    format!("\nVeredicto, por identificador:\n{}\n{conclusion}", rows.concat())
}

fn in_json(history: &History, verdict: &Verdict) -> Result<String> {
    let micros = |share| history.latency.quantile(share).as_micros();
    Ok(serde_json::to_string_pretty(&json!({
        "exact": verdict.is_exact(),
        "verdict": verdict,
        "errors": history.errors,
        "seconds": history.elapsed.as_secs_f64(),
        "latency_us": {
            "p50": micros(0.5), "p90": micros(0.9), "p99": micros(0.99),
            "max": history.latency.max().as_micros(),
        },
    }))?)
}
