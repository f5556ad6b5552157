//! `dead`: the messages that analytics rejected, to look at and decide on.
//!
//! - [`key`]: the short name of a message.
//! - [`table`], [`sheet`]: many messages in a line each, one with everything.
//! - [`reason`]: what analytics said when it rejected one.
//! - [`settle`]: publishing again and removing.
//! - [`plain`]: what came over the wire, made harmless for a terminal.

mod key;
mod plain;
mod reason;
mod settle;
mod sheet;
mod table;

use crate::cli::{Chosen, Dead, DeadArgs, List};
use crate::compose::Compose;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::part::Part;
use crate::plan::Plan;
use crate::record::Record;
use crate::running::Running;
use crate::ui;
use anyhow::{Context, Result};
use broker::{AmqpUrl, DeadLetter, DeadLetters, DeadLettersError};
use messages::names;
use settle::{Action, Tally};

/// Messages that are held at most; what lies behind them is not found. Always the
/// same, for looking at fewer would change their order (see [`DeadLetters::open`]).
const WINDOW: u16 = 1000;

const NONE: &str = "No hay mensajes muertos.";

pub(crate) async fn run(layout: &Layout, args: &DeadArgs) -> Result<u8> {
    match &args.asked {
        Dead::Retry(chosen) | Dead::Drop(chosen) => check(chosen)?,
        Dead::List(_) | Dead::Show { .. } => {}
    }
    let mut dead = open(&lab_of(layout, args.compose).await?).await?;
    match &args.asked {
        Dead::List(wanted) => list(dead, wanted).await,
        Dead::Show { key } => {
            let found = settle::find(&mut dead, std::slice::from_ref(key)).await;
            dead.close().await?;
            show(&found?, &said(layout, args.compose).await?);
            Ok(0)
        }
        Dead::Retry(chosen) => handle(dead, chosen, Action::Retry).await,
        Dead::Drop(chosen) => handle(dead, chosen, Action::Drop).await,
    }
}

async fn list(mut dead: DeadLetters, wanted: &List) -> Result<u8> {
    let taken = dead.take(usize::from(wanted.lines)).await?;
    dead.close().await?;
    if wanted.json {
        ui::say(table::json(&taken.letters)?);
    } else if taken.letters.is_empty() {
        ui::say(NONE);
    } else {
        ui::say(table::table(&taken.letters, taken.remaining));
    }
    Ok(0)
}

/// `said` is what analytics has written.
fn show(found: &[DeadLetter], said: &[u8]) {
    if let Some(letter) = found.first() {
        let why = letter.id.as_deref().and_then(|id| reason::last(said, id));
        ui::say(sheet::sheet(letter, why.as_deref()));
    }
    if found.len() > 1 {
        ui::say(format!("\nHay {} iguales.", found.len()));
    }
}

/// What analytics has written; nothing where nobody knows.
async fn said(layout: &Layout, compose: bool) -> Result<Vec<u8>> {
    if compose {
        let logs = Compose::of(layout).logs(Part::Analytics).await;
        return Ok(logs.context("no se pudo leer lo que escribe analiticas")?.into_bytes());
    }
    Ok(std::fs::read(layout.log(Part::Analytics)).unwrap_or_default())
}

async fn handle(mut dead: DeadLetters, chosen: &Chosen, action: Action) -> Result<u8> {
    let handled = if chosen.all {
        settle::all(&mut dead, action, ui::say).await
    } else {
        settle::chosen(&mut dead, &chosen.keys, action, ui::say).await
    };
    let closed = dead.close().await;
    let tally = handled?;
    closed.context("puede que no todo haya llegado al broker; mira cargo lab dead list")?;
    if tally.all() != 1 {
        ui::say(in_words(&tally, action));
    }
    Ok(u8::from(tally.is_incomplete()))
}

/// Nobody means all by saying nothing.
fn check(chosen: &Chosen) -> Result<(), Failure> {
    match (chosen.keys.is_empty(), chosen.all) {
        (true, false) => Err(Failure::usage("falta qué mensajes: una CLAVE (o varias), o --all")),
        (false, true) => Err(Failure::usage("o unas CLAVES, o --all; no las dos cosas")),
        _ => Ok(()),
    }
}

fn in_words(tally: &Tally, action: Action) -> String {
    if tally.is_empty() {
        return NONE.to_owned();
    }
    let text = format!("{} de {} {}.", tally.done, tally.all(), action.done());
    match tally.untouched {
        0 => text,
        untouched => format!("{text} Sin tocar quedan {untouched}."),
    }
}

/// A native laboratory whose supervisor died may still have a broker.
async fn lab_of(layout: &Layout, compose: bool) -> Result<Running> {
    if compose {
        return Running::find(layout, true).await;
    }
    let alive = Record::load(layout, Part::RabbitMq).filter(|record| record.process.is_alive());
    let plan =
        Plan::load(layout).filter(|_| alive.is_some()).ok_or_else(|| Failure::not_up(layout))?;
    Ok(Running::native(plan.ports))
}

async fn open(running: &Running) -> Result<DeadLetters> {
    let url = running.amqp_url();
    let url: AmqpUrl = url.parse().map_err(anyhow::Error::msg)?;
    let opened = DeadLetters::open(&url, "cargo lab dead", names::DEAD_LETTER_QUEUE, WINDOW).await;
    match opened {
        Err(error @ DeadLettersError::NoQueue(_)) => {
            Err(error).context("analiticas todavía no ha creado sus colas")
        }
        opened => Ok(opened?),
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Tally, check, in_words};
    use crate::cli::Chosen;

    #[test]
    fn either_keys_or_all_must_be_said_and_not_both() {
        let chosen = |keys: &[&str], all| Chosen {
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            all,
        };
        assert!(check(&chosen(&[], false)).is_err());
        assert!(check(&chosen(&["a"], true)).is_err());
        assert!(check(&chosen(&["a", "b"], false)).is_ok());
        assert!(check(&chosen(&[], true)).is_ok());
    }

    #[test]
    fn the_last_line_counts_what_was_done_and_what_was_not_touched() {
        let tally = |done, failed, untouched| Tally { done, failed, untouched };
        assert_eq!(in_words(&tally(0, 0, 0), Action::Drop), "No hay mensajes muertos.");
        assert_eq!(in_words(&tally(2, 1, 0), Action::Drop), "2 de 3 borrados.");
        let interrupted = in_words(&tally(2, 1, 4), Action::Retry);
        assert_eq!(interrupted, "2 de 7 publicados otra vez. Sin tocar quedan 4.");
    }
}
