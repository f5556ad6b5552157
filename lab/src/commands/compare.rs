//! `compare`: the same load twice at once, through the queue and straight to
//! analytics over HTTP, while analytics is away for some seconds.

use super::control;
use crate::cli::CompareArgs;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::load::{Before, Ledger, Load, Pace, Spec, Verdict, check};
use crate::lock;
use crate::part::Part;
use crate::running::Running;
use crate::settings::Port;
use crate::signals::Interrupts;
use crate::ui;
use anyhow::{Result, bail};
use messages::names::CLICK;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// Requests under way at once, at most.
const CONNECTIONS: usize = 256;

pub(crate) async fn run(layout: &Layout, args: &CompareArgs) -> Result<u8> {
    if args.stopped >= args.seconds {
        let told = "--stopped debe ser menor que --seconds: analiticas se detiene durante el envío";
        return Err(Failure::usage(told).into());
    }
    let running = Running::find(layout, false).await?;
    let ledger = Ledger::of(&running, false)?;
    let mut interrupts = Interrupts::listen()?;
    let command = lock::command(layout).await?;
    let before = ledger.before().await;
    let loads = Loads::start(&running, args)?;
    let away = tokio::select! {
        away = stop_for_a_while(layout, args) => away,
        () = interrupts.next() => Err(Failure::interrupted_command().into()),
    };
    // However it ended: the class goes on with everything running.
    ensure_running(layout).await?;
    away?;
    drop(command);
    let step = ui::step("esperando a que todo quede contado");
    let [queued, direct] = tokio::select! {
        judged = loads.judge(&ledger, before) => judged?,
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
    };
    drop(step);
    ui::say(if args.json { in_json(&queued, &direct)? } else { table(args, &queued, &direct) });
    if direct.confirmed == direct.attempted {
        bail!("analiticas no le faltó a nadie: alargue --stopped");
    }
    Ok(u8::from(missing(&queued) > 0 || !queued.is_exact()))
}

struct Loads {
    queued: Load,
    direct: Load,
}

impl Loads {
    fn start(running: &Running, args: &CompareArgs) -> Result<Self> {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "both are bounded by the command line"
        )]
        let events = (args.rate * args.seconds as f64).ceil() as u64;
        let spec = |url| Spec {
            urls: vec![url],
            events,
            pace: Pace::PerSecond(args.rate),
            connections: CONNECTIONS,
            clients: 1,
            batch: 1,
            kinds: vec![CLICK.to_owned()],
            retry: false,
        };
        Ok(Self {
            queued: Load::start(spec(running.url(Port::ClienteX, "/send")))?,
            direct: Load::start(spec(running.url(Port::Analytics, "/evento")))?,
        })
    }

    async fn judge(self, ledger: &Ledger, before: Before) -> Result<[Verdict; 2]> {
        let histories = [self.queued.finish().await?, self.direct.finish().await?];
        let counted = ledger.settled(&histories, before).await?;
        Ok([0, 1].map(|load| check(histories[load].events(), &counted[load])))
    }
}

/// Stops analytics in the middle of the load.
async fn stop_for_a_while(layout: &Layout, args: &CompareArgs) -> Result<()> {
    let lead = Duration::from_secs(args.seconds - args.stopped) / 2;
    sleep(lead).await;
    control::halt(layout, Part::Analytics).await?;
    sleep(Duration::from_secs(args.stopped)).await;
    Ok(())
}

async fn ensure_running(layout: &Layout) -> Result<()> {
    if control::living(layout, Part::Analytics).is_none() {
        control::launch(layout, Part::Analytics).await?;
    }
    Ok(())
}

/// Events sent and not counted, whatever their sender was told.
fn missing(verdict: &Verdict) -> u64 {
    verdict.attempted.saturating_sub(verdict.counted)
}

fn table(args: &CompareArgs, queued: &Verdict, direct: &Verdict) -> String {
    let row = |name: &str, verdict: &Verdict| {
        let Verdict { attempted, confirmed, counted, .. } = verdict;
        format!("{name:<32} {attempted:>9} {confirmed:>10} {counted:>9} {:>9}", missing(verdict))
    };
    format!(
        "\nAnaliticas estuvo detenida {} s de {} s.\n\n{:<32} {:>9} {:>10} {:>9} {:>9}\n{}\n{}\n",
        args.stopped,
        args.seconds,
        "",
        "enviados",
        "aceptados",
        "contados",
        "perdidos",
        row("por la cola (POST /send)", queued),
        row("directo por HTTP (POST /evento)", direct),
    )
}

fn in_json(queued: &Verdict, direct: &Verdict) -> Result<String> {
    let of = |verdict: &Verdict| json!({ "verdict": verdict, "missing": missing(verdict) });
    Ok(serde_json::to_string_pretty(&json!({ "queue": of(queued), "direct": of(direct) }))?)
}
