//! The scenarios by name, in the order in which they run.

use super::outcome::Outcome;
use super::world::World;
use super::world::containers::Profile;
use super::{audit, broker, edges, engine, lines, poison, processes, storage};
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

/// A fault, and where it can be made.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub(super) name: &'static str,
    what: &'static str,
    on: On,
    pub(super) scenario: Scenario,
}

/// What a scenario needs beneath it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// Any laboratory.
    Any,
    /// Processes, files and lines of this machine.
    Native,
    /// Containers, of this profile.
    Containers(Profile),
}

impl Named {
    const fn new(name: &'static str, what: &'static str, on: On, scenario: Scenario) -> Self {
        Self { name, what, on, scenario }
    }

    /// Whether it can be made natively.
    pub(super) fn is_native(&self) -> bool {
        matches!(self.on, On::Any | On::Native)
    }

    /// Whether it is made in containers of this profile.
    pub(super) fn is_of(&self, profile: Profile) -> bool {
        match self.on {
            On::Any => profile == Profile::Basico,
            On::Native => false,
            On::Containers(needed) => profile == needed,
        }
    }
}

const BASICO: On = On::Containers(Profile::Basico);
const CLUSTER: On = On::Containers(Profile::Cluster);

#[rustfmt::skip]
const ALL: [Named; 38] = [
    Named::new("analitica-matada", "SIGKILL a analítica bajo carga", On::Any, scenario!(processes::analytics_killed)),
    Named::new("prefetch-lleno", "SIGKILL con el mismo prefetch lleno", On::Native, scenario!(processes::full_prefetch)),
    Named::new("emisor-matado", "SIGKILL a un emisor bajo carga", On::Any, scenario!(processes::sender_killed)),
    Named::new("broker-reiniciado", "RabbitMQ se detiene y arranca", On::Any, scenario!(broker::restarted)),
    Named::new("broker-matado", "SIGKILL a RabbitMQ", On::Any, scenario!(broker::killed)),
    Named::new("broker-en-pausa", "docker pause a RabbitMQ", BASICO, scenario!(engine::broker_paused)),
    Named::new("alarma-memoria", "RabbitMQ sin memoria", On::Any, scenario!(broker::memory_alarm)),
    Named::new("alarma-disco", "RabbitMQ sin disco", On::Any, scenario!(broker::disk_alarm)),
    Named::new("linea-muda", "línea emisor–broker cortada sin FIN", On::Any, scenario!(lines::silent)),
    Named::new("confirms-perdidos", "el broker recibe, el emisor no se entera", On::Native, scenario!(lines::lost_confirms)),
    Named::new("linea-analitica", "línea analítica–broker con lotes en mano", On::Native, scenario!(lines::of_analytics)),
    Named::new("red-analitica", "analítica fuera de la red del broker", BASICO, scenario!(engine::analytics_unplugged)),
    Named::new("analitica-en-pausa", "docker pause a analítica", BASICO, scenario!(engine::analytics_paused)),
    Named::new("duplicados", "los mismos mensajes otra vez", On::Any, scenario!(poison::duplicates)),
    Named::new("enlace-borrado", "un enlace se borra y vuelve", On::Any, scenario!(broker::lost_binding)),
    Named::new("veneno", "1 % de mensajes imposibles; cargo lab dead", On::Any, scenario!(poison::among_good_ones)),
    Named::new("base-bloqueada", "otro programa tiene la base de datos", On::Native, scenario!(storage::locked)),
    Named::new("disco-lleno", "el disco de la base de datos se llena", On::Native, scenario!(storage::full_disk)),
    Named::new("solo-lectura", "la base de datos no se puede escribir", On::Native, scenario!(storage::read_only)),
    Named::new("reloj", "relojes con una hora de diferencia", On::Native, scenario!(edges::clock)),
    Named::new("sigterm-en-turno", "SIGTERM a cada servicio bajo carga", On::Any, scenario!(processes::sigterm_in_turn)),
    Named::new("lentos", "conexiones cuya petición no termina", On::Any, scenario!(edges::slow_loris)),
    Named::new("muchos-nombres", "cada evento de un cliente distinto", On::Any, scenario!(edges::many_names)),
    Named::new("auditoria-matada", "la auditoría muere en seis puntos de su camino", On::Native, scenario!(audit::killed)),
    Named::new("auditoria-avisos", "avisos antes, dos veces y tarde, y muere", On::Native, scenario!(audit::notices)),
    Named::new("auditoria-sin-base", "otro programa tiene su base de datos", On::Native, scenario!(audit::without_database)),
    Named::new("auditoria-llena", "el disco de la auditoría se llena", On::Native, scenario!(audit::full_disk)),
    Named::new("auditoria-sin-buzon", "el enlace de un buzón se borra y vuelve", On::Native, scenario!(audit::without_mailbox)),
    Named::new("auditoria-veneno", "mensajes que nadie puede leer entre los demás", On::Native, scenario!(audit::poison)),
    Named::new("auditoria-rodeada", "un cliente busca un camino que no pase por ella", On::Native, scenario!(audit::ways_round)),
    Named::new("nodo-matado", "docker kill a cada nodo de tres", CLUSTER, scenario!(engine::node_killed)),
    Named::new("nodo-reiniciado", "cada nodo de tres se detiene y arranca", CLUSTER, scenario!(engine::node_restarted)),
    Named::new("auditoria-nodo", "docker kill a cada nodo mientras se audita", CLUSTER, scenario!(audit::node_killed)),
    Named::new("auditoria-postgres", "docker kill a PostgreSQL mientras se audita", CLUSTER, scenario!(audit::database_killed)),
    Named::new("proxy-matado", "docker kill a quien reparte las conexiones", CLUSTER, scenario!(engine::proxy_killed)),
    Named::new("una-de-dos", "docker kill a una analítica de dos", CLUSTER, scenario!(engine::one_of_two_killed)),
    Named::new("postgres-matado", "docker kill a PostgreSQL", CLUSTER, scenario!(engine::database_killed)),
    Named::new("postgres-en-pausa", "docker pause a PostgreSQL", CLUSTER, scenario!(engine::database_paused)),
];

/// Those that can be made on that kind of laboratory, with these names or all.
pub(super) fn choose(names: &[String], compose: bool) -> Result<Vec<Named>, Failure> {
    let known: Vec<Named> = all(compose).collect();
    let is_known = |name: &String| known.iter().any(|known| known.name == name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        let place = if compose { " en contenedores" } else { "" };
        return Err(Failure::usage(format!(
            "no hay un escenario «{unknown}»{place}; los que hay:\n{}",
            list(compose)
        )));
    }
    let is_wanted = |named: &Named| names.is_empty() || names.iter().any(|name| name == named.name);
    Ok(known.into_iter().filter(is_wanted).collect())
}

fn all(compose: bool) -> impl Iterator<Item = Named> {
    ALL.into_iter()
        .filter(move |named| if compose { named.on != On::Native } else { named.is_native() })
}

/// Every name, and what it does.
pub(super) fn list(compose: bool) -> String {
    let lines = all(compose).map(|named| format!("  {:<19} {}", named.name, named.what));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{choose, list};

    #[test]
    fn all_run_where_none_is_named_and_an_unknown_one_is_refused() {
        assert_eq!(choose(&[], false).unwrap().len(), 27);
        assert_eq!(choose(&[], true).unwrap().len(), 24);
        assert_eq!(choose(&["veneno".to_owned()], false).unwrap().len(), 1);
        for (name, compose) in [("nada", false), ("nodo-matado", false), ("reloj", true)] {
            let error = choose(&[name.to_owned()], compose).err().unwrap().to_string();
            assert!(error.contains(name) && error.contains("  veneno "), "{error}");
        }
        for compose in [false, true] {
            assert!(list(compose).lines().all(|line| line.chars().count() <= 80));
        }
    }
}
