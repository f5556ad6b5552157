//! The measurements by name, in the order of their first repetition.
//!
//! - [`raw`]: what the broker can do, with a client that costs next to nothing.
//! - [`publish`]: what is confirmed over HTTP: by us, and by the classroom's
//!   usual stack. It goes to a queue aside, where nobody counts it: as in `raw`.
//! - [`count`]: from the request to the count.
//! - [`partitions`]: several queues in place of one.
//! - [`panel`]: browsers that look on.
//! - [`audit`]: messages between systems, with the audit and without.
//! - [`growth`]: what an event costs as the laboratory grows.

mod audit;
mod count;
mod growth;
mod panel;
mod partitions;
mod publish;
mod raw;

use super::classroom::Style;
use super::figures::Figures;
use super::ground::Ground;
use crate::failure::Failure;
use anyhow::Result;
use std::pin::Pin;

type Found<'a> = Pin<Box<dyn Future<Output = Result<Figures>> + 'a>>;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    Quick,
    Usual,
    Full,
}

/// What is measured, and how.
#[derive(Clone, Copy)]
pub(super) struct Measurement {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Whether it needs Flask, pika and gunicorn.
    pub(super) needs_python: bool,
    /// Whether it begins with counts of its own, and so comes after the others.
    pub(super) grows: bool,
    /// The shortest run that has it, where nobody names it.
    pub(super) least: Extent,
    pub(super) measure: for<'a> fn(&'a Ground) -> Found<'a>,
}

macro_rules! measurement {
    ($name:literal, $what:literal, $measure:expr) => {
        measurement!($name, $what, $measure, false)
    };
    ($name:literal, $what:literal, $measure:expr, $needs_python:expr) => {
        Measurement {
            name: $name,
            what: $what,
            needs_python: $needs_python,
            grows: false,
            least: Extent::Quick,
            measure: |ground| Box::pin($measure(ground)),
        }
    };
}

macro_rules! growth {
    ($least:ident, $name:literal, $what:literal, $measure:expr) => {
        Measurement { grows: true, least: Extent::$least, ..measurement!($name, $what, $measure) }
    };
}

#[rustfmt::skip]
pub(super) const ALL: [Measurement; 32] = [
    measurement!("crudo-100", "publicar en crudo, ventana de 100", |ground| raw::publish(ground, 100)),
    measurement!("crudo-1000", "publicar en crudo, ventana de 1000", |ground| raw::publish(ground, 1000)),
    measurement!("crudo-consumo", "consumir en crudo lo que espera", raw::consume),
    measurement!("crudo-ambos", "publicar y consumir en crudo a la vez", raw::both),
    measurement!("crudo-particiones", "lo mismo en 2 colas, según el cliente", partitions::both),
    measurement!("send", "POST /send, 64 conexiones", publish::send),
    measurement!("traefik", "lo mismo a través de Traefik", publish::through_traefik),
    measurement!("batch", "POST /send/batch, 4 × 1000", publish::batch),
    measurement!("flask", "Flask y pika, una conexión por petición", |ground| publish::usual(ground, Style::Tutorial), true),
    measurement!("gunicorn", "gunicorn y pika con confirms", |ground| publish::usual(ground, Style::Confirmed), true),
    measurement!("contado", "POST /send, 64 conexiones, y se cuenta", count::send),
    measurement!("completo", "/send/batch hasta que está contado", count::batch),
    measurement!("particiones", "lo mismo con 2 colas, según el cliente", partitions::batch),
    measurement!("cola", "contar lo que espera en la cola", count::backlog),
    measurement!("panel", "navegadores que miran el panel", panel::look),
    measurement!("auditoria-crudo", "reenviar mensajes sin guardar copia", audit::bare),
    measurement!("auditoria", "lo mismo con el proxy de auditoría", audit::proxy),
    measurement!("auditoria-demora", "10 mensajes por segundo, hasta el buzón", audit::latency),
    Measurement { least: Extent::Full, ..measurement!("auditoria-buscar", "buscar mensajes por cada campo", audit::search) },
    growth!(Quick, "clientes-1e3", "vaciar una cola de 1.000 clientes", |ground| growth::clients(ground, 1_000)),
    growth!(Quick, "clientes-1e4", "vaciar una cola de 10.000 clientes", |ground| growth::clients(ground, 10_000)),
    growth!(Usual, "clientes-1e5", "vaciar una cola de 100.000 clientes", |ground| growth::clients(ground, 100_000)),
    growth!(Full, "clientes-1e6", "vaciar una cola de 1.000.000 clientes", |ground| growth::clients(ground, 1_000_000)),
    growth!(Quick, "ids-0", "vaciar una cola con la tabla vacía", |ground| growth::ids(ground, 0)),
    growth!(Quick, "ids-1e5", "lo mismo con 100.000 ids en ella", |ground| growth::ids(ground, 100_000)),
    growth!(Usual, "ids-1e6", "lo mismo con 1.000.000", |ground| growth::ids(ground, 1_000_000)),
    growth!(Full, "ids-1e7", "lo mismo con 10.000.000", |ground| growth::ids(ground, 10_000_000)),
    growth!(Quick, "emisores-1", "POST /send a un emisor, 64 conexiones", |ground| growth::senders(ground, 1)),
    growth!(Quick, "emisores-2", "a 2, con 64 conexiones cada uno", |ground| growth::senders(ground, 2)),
    growth!(Usual, "emisores-4", "a 4, con 64 conexiones cada uno", |ground| growth::senders(ground, 4)),
    growth!(Usual, "emisores-8", "a 8, con 64 conexiones cada uno", |ground| growth::senders(ground, 8)),
    growth!(Usual, "repartidos-8", "a 8, con 64 conexiones entre todos", |ground| growth::shared_out(ground, 8)),
];

/// The measurements with these names; or all of a run of this extent.
pub(super) fn choose(names: &[String], extent: Extent) -> Result<Vec<Measurement>, Failure> {
    if let Some(unknown) = names.iter().find(|name| !ALL.iter().any(|known| known.name == **name)) {
        return Err(Failure::usage(format!(
            "no hay una medida «{unknown}»; las que hay:\n{}",
            list(&ALL)
        )));
    }
    let chosen = |known: &&Measurement| match names {
        [] => known.least <= extent,
        names => names.iter().any(|name| name == known.name),
    };
    Ok(ALL.iter().filter(chosen).copied().collect())
}

/// Their names, with what each means.
pub(super) fn list(measurements: &[Measurement]) -> String {
    let lines = measurements.iter().map(|one| format!("  {:<17} {}", one.name, one.what));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{ALL, Extent, choose, list};

    #[test]
    fn measurements_are_found_by_name_and_others_are_refused_with_the_list() {
        let chosen = choose(&["send".to_owned(), "ids-1e7".to_owned()], Extent::Quick).unwrap();
        assert_eq!(chosen.iter().map(|one| one.name).collect::<Vec<_>>(), ["send", "ids-1e7"]);
        let refused = choose(&["sned".to_owned()], Extent::Full).err().unwrap().to_string();
        assert!(refused.contains("«sned»") && refused.contains("crudo-100"), "{refused}");
        assert!(list(&ALL).lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn a_longer_run_has_more_of_them() {
        let number = |extent| choose(&[], extent).unwrap().len();
        let [quick, usual, full] = [Extent::Quick, Extent::Usual, Extent::Full].map(number);
        assert!(quick < usual && usual < full && full == ALL.len(), "{quick} {usual} {full}");
    }
}
