//! The scenarios by name, in the order in which they run.

use super::outcome::Outcome;
use super::world::World;
use super::{broker, edges, lines, poison, processes, storage};
use crate::failure::Failure;
use anyhow::Result;
use std::pin::Pin;

/// Makes a fault under load, and tells what became of the load. What it changed
/// about how parts start is undone by whoever runs it (`World::whole`).
pub(super) type Scenario =
    for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = Result<Outcome>> + 'a>>;

/// An async function, as a [`Scenario`].
macro_rules! scenario {
    ($function:path) => {
        |world| Box::pin($function(world))
    };
}
pub(super) use scenario;

/// A scenario's name, what it does, and the scenario.
pub(super) type Named = (&'static str, &'static str, Scenario);

pub(super) const ALL: [Named; 20] = [
    ("analitica-matada", "SIGKILL a analítica bajo carga", scenario!(processes::analytics_killed)),
    ("prefetch-lleno", "SIGKILL con el mismo prefetch lleno", scenario!(processes::full_prefetch)),
    ("emisor-matado", "SIGKILL a un emisor bajo carga", scenario!(processes::sender_killed)),
    ("broker-reiniciado", "RabbitMQ se detiene y arranca", scenario!(broker::restarted)),
    ("broker-matado", "SIGKILL a RabbitMQ", scenario!(broker::killed)),
    ("alarma-memoria", "RabbitMQ sin memoria", scenario!(broker::memory_alarm)),
    ("alarma-disco", "RabbitMQ sin disco", scenario!(broker::disk_alarm)),
    ("linea-muda", "línea emisor–broker cortada sin FIN", scenario!(lines::silent)),
    (
        "confirms-perdidos",
        "el broker recibe, el emisor no se entera",
        scenario!(lines::lost_confirms),
    ),
    ("linea-analitica", "línea analítica–broker con lotes en mano", scenario!(lines::of_analytics)),
    ("duplicados", "los mismos mensajes otra vez", scenario!(poison::duplicates)),
    ("enlace-borrado", "un enlace se borra y vuelve", scenario!(broker::lost_binding)),
    ("veneno", "1 % de mensajes imposibles; cargo lab dead", scenario!(poison::among_good_ones)),
    ("base-bloqueada", "otro programa tiene la base de datos", scenario!(storage::locked)),
    ("disco-lleno", "el disco de la base de datos se llena", scenario!(storage::full_disk)),
    ("solo-lectura", "la base de datos no se puede escribir", scenario!(storage::read_only)),
    ("reloj", "relojes con una hora de diferencia", scenario!(edges::clock)),
    (
        "sigterm-en-turno",
        "SIGTERM a cada servicio bajo carga",
        scenario!(processes::sigterm_in_turn),
    ),
    ("lentos", "conexiones cuya petición no termina", scenario!(edges::slow_loris)),
    ("muchos-nombres", "cada evento de un cliente distinto", scenario!(edges::many_names)),
];

/// Those with these names, or all.
pub(super) fn choose(names: &[String]) -> Result<Vec<Named>, Failure> {
    if let Some(unknown) = names.iter().find(|name| !ALL.iter().any(|known| known.0 == **name)) {
        return Err(Failure::usage(format!(
            "no hay un escenario «{unknown}»; los que hay:\n{}",
            list()
        )));
    }
    let wanted = |named: &Named| names.is_empty() || names.iter().any(|name| name == named.0);
    Ok(ALL.into_iter().filter(wanted).collect())
}

/// Every name, and what it does.
pub(super) fn list() -> String {
    ALL.map(|(name, what, _)| format!("  {name:<18} {what}")).join("\n")
}

#[cfg(test)]
mod tests {
    use super::{ALL, choose, list};

    #[test]
    fn all_run_where_none_is_named_and_an_unknown_one_is_refused() {
        assert_eq!(choose(&[]).unwrap().len(), ALL.len());
        assert_eq!(choose(&["veneno".to_owned()]).unwrap().len(), 1);
        let error = choose(&["nada".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("«nada»") && error.contains("  veneno "), "{error}");
        assert!(list().lines().all(|line| line.chars().count() <= 80));
    }
}
