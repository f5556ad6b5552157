//! The measurements by name, in the order of their first repetition.
//!
//! - [`raw`]: what the broker can do, with a client that costs next to nothing.
//! - [`publish`]: what is confirmed over HTTP: by us, and by the classroom's
//!   usual stack. It goes to a queue aside, where nobody counts it: as in `raw`.
//! - [`count`]: from the request to the count.
//! - [`panel`]: browsers that look on.
//! - [`growth`]: what an event costs as the laboratory grows.

mod count;
mod growth;
mod panel;
mod publish;
mod raw;

use super::classroom::Style;
use super::figures::Figures;
use super::ground::Ground;
use crate::failure::Failure;
use anyhow::Result;
use std::pin::Pin;

type Found<'a> = Pin<Box<dyn Future<Output = Result<Figures>> + 'a>>;

/// What is measured, and how.
#[derive(Clone, Copy)]
pub(super) struct Measurement {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Whether it needs Flask, pika and gunicorn.
    pub(super) needs_python: bool,
    /// Whether it begins with counts of its own, and so comes after the others.
    pub(super) grows: bool,
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
            measure: |ground| Box::pin($measure(ground)),
        }
    };
}

macro_rules! growth {
    ($name:literal, $what:literal, $measure:expr) => {
        Measurement { grows: true, ..measurement!($name, $what, $measure) }
    };
}

#[rustfmt::skip]
pub(super) const ALL: [Measurement; 18] = [
    measurement!("crudo-100", "publicar en crudo, ventana de 100", |ground| raw::publish(ground, 100)),
    measurement!("crudo-1000", "publicar en crudo, ventana de 1000", |ground| raw::publish(ground, 1000)),
    measurement!("crudo-consumo", "consumir en crudo lo que espera", raw::consume),
    measurement!("crudo-ambos", "publicar y consumir en crudo a la vez", raw::both),
    measurement!("send", "POST /send, 64 conexiones", publish::send),
    measurement!("traefik", "lo mismo a través de Traefik", publish::through_traefik),
    measurement!("batch", "POST /send/batch, 4 × 1000", publish::batch),
    measurement!("flask", "Flask y pika, una conexión por petición", |ground| publish::usual(ground, Style::Tutorial), true),
    measurement!("gunicorn", "gunicorn y pika con confirms", |ground| publish::usual(ground, Style::Confirmed), true),
    measurement!("contado", "POST /send, 64 conexiones, y se cuenta", count::send),
    measurement!("completo", "/send/batch hasta que está contado", count::batch),
    measurement!("cola", "contar lo que espera en la cola", count::backlog),
    measurement!("panel", "navegadores que miran el panel", panel::look),
    growth!("pocos", "vaciar una cola de 1000 clientes", growth::few_clients),
    growth!("muchos", "vaciar una cola de muchos clientes", growth::many_clients),
    growth!("llena", "vaciar una cola con la tabla llena", growth::full_table),
    growth!("emisores-1", "POST /send a un emisor", |ground| growth::senders(ground, 1)),
    growth!("emisores-8", "POST /send, repartido entre 8 emisores", |ground| growth::senders(ground, 8)),
];

/// The measurements with these names, or all.
pub(super) fn choose(names: &[String]) -> Result<Vec<Measurement>, Failure> {
    if let Some(unknown) = names.iter().find(|name| !ALL.iter().any(|known| known.name == **name)) {
        return Err(Failure::usage(format!(
            "no hay una medida «{unknown}»; las que hay:\n{}",
            list()
        )));
    }
    let chosen =
        |known: &&Measurement| names.is_empty() || names.iter().any(|name| name == known.name);
    Ok(ALL.iter().filter(chosen).copied().collect())
}

/// All names, with what each means.
pub(super) fn list() -> String {
    let lines = ALL.iter().map(|one| format!("  {:<14} {}", one.name, one.what));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{ALL, choose, list};

    #[test]
    fn measurements_are_found_by_name_and_others_are_refused_with_the_list() {
        assert_eq!(choose(&[]).unwrap().len(), ALL.len());
        let chosen = choose(&["send".to_owned(), "cola".to_owned()]).unwrap();
        assert_eq!(chosen.iter().map(|one| one.name).collect::<Vec<_>>(), ["send", "cola"]);
        let refused = choose(&["sned".to_owned()]).err().unwrap().to_string();
        assert!(refused.contains("«sned»") && refused.contains("crudo-100"), "{refused}");
        assert!(list().lines().all(|line| line.chars().count() <= 80));
    }
}
