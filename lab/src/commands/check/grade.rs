//! The grades of a class. Pure: facts in, grades out.

use super::facts::{Answer, Counted, Facts};
use super::place::Place;
use super::{design, evidence, proof, retry, switches};
use messages::names::{EXCHANGE, QUEUE};
use serde::Serialize;
use std::collections::BTreeSet;

/// Events of at least so many clients that a class has counted by its second step.
const EVENTS: usize = 10;
const CLIENTS: usize = 2;

/// How much of it is achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    Achieved,
    Missing,
    /// Not tried, and not asked for.
    Optional,
}

/// What one step of the guide is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goal {
    /// Its name in JSON.
    pub(super) id: &'static str,
    /// The step of the guide.
    pub(super) step: u8,
    pub(super) title: &'static str,
    /// Where it is looked at.
    pub(super) looked: &'static str,
}

/// Somebody who is looked at: in words, and the part that it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) name: &'static str,
    pub(super) part: &'static str,
}

pub(super) const ANALYTICS: Who = Who { name: "la analítica", part: "analiticas" };
pub(super) const BROKER: Who = Who { name: "RabbitMQ", part: "rabbitmq" };
pub(super) const DEAD: Who = Who { name: "la cola de mensajes muertos", part: "rabbitmq" };

impl Who {
    /// One of the senders.
    pub(super) fn sender(name: &'static str) -> Self {
        Self { name, part: name }
    }
}

/// A goal, graded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) goal: Goal,
    pub(super) mark: Mark,
    pub(super) found: String,
    /// What to do now, where something is missing.
    pub(super) next: Option<String>,
}

impl Goal {
    pub(super) fn achieved(self, found: impl Into<String>) -> Item {
        Item { goal: self, mark: Mark::Achieved, found: found.into(), next: None }
    }

    pub(super) fn missing(self, found: impl Into<String>, next: impl Into<String>) -> Item {
        Item { goal: self, mark: Mark::Missing, found: found.into(), next: Some(next.into()) }
    }

    pub(super) fn optional(self, found: impl Into<String>, next: impl Into<String>) -> Item {
        Item { mark: Mark::Optional, ..self.missing(found, next) }
    }

    /// What has to be looked at does not answer.
    pub(super) fn unseen<T>(self, place: &Place, who: Who, answer: &Answer<T>) -> Item {
        let Who { name, part } = who;
        match answer {
            Answer::Away(why) => self.missing(
                format!("{name} no se deja mirar: {why}"),
                format!("{}; cómo está todo: {}", place.order("start", part), place.status()),
            ),
            Answer::Absent | Answer::Said(_) => self.missing(
                format!("{name} no conoce esa dirección (404): es de una versión anterior"),
                "detenga el laboratorio y póngalo en marcha otra vez, construido de nuevo",
            ),
        }
    }
}

/// All goals of the class, in the order of the guide.
pub(super) fn grade(facts: &Facts) -> Vec<Item> {
    vec![
        ready(facts),
        topology(facts),
        counted(facts),
        evidence::returned(facts),
        evidence::queued(facts),
        retry::retried(facts),
        evidence::redelivered(facts),
        proof::early_ack(facts),
        evidence::poison(facts),
        switches::no_faults(facts),
        proof::nothing_lost(facts),
    ]
}

/// Whether nothing is missing.
pub(super) fn is_achieved(items: &[Item]) -> bool {
    items.iter().all(|item| item.mark != Mark::Missing)
}

fn ready(facts: &Facts) -> Item {
    let goal = Goal {
        id: "ready",
        step: 1,
        title: "El laboratorio está en marcha, y cada parte lista",
        looked: "/readyz de cada servicio, y las API de RabbitMQ y de Traefik",
    };
    let away: Vec<_> =
        facts.parts.iter().filter(|(_, ready)| !ready).map(|(name, _)| *name).collect();
    if away.is_empty() {
        return goal.achieved(format!("{} partes listas", facts.parts.len()));
    }
    goal.missing(
        format!("no están listas: {}", away.join(", ")),
        format!(
            "{}; si ya está en marcha, vea por qué: {}",
            facts.place.order("start", away[0]),
            facts.place.order("logs", away[0])
        ),
    )
}

fn topology(facts: &Facts) -> Item {
    let goal = Goal {
        id: "topology",
        step: 1,
        title: "Exchange, cola y enlace son los del diseño",
        looked: "la API de administración de RabbitMQ: exchanges, queues, bindings",
    };
    let Answer::Said(broker) = &facts.broker else {
        return goal.unseen(&facts.place, BROKER, &facts.broker);
    };
    let deviations = design::deviations(broker);
    if !deviations.is_empty() {
        let next = format!(
            "{}, que añade lo que falta; una cola con otros argumentos hay que vaciarla y \
             borrarla antes",
            facts.place.order("restart", "rabbitmq")
        );
        return goal.missing(deviations.join("; "), next);
    }
    let keys = broker.keys().join("», «");
    let others = match broker.partitions() {
        Some(all) if all > 1 => format!(" y {} más, por cliente", all - 1),
        _ => String::new(),
    };
    goal.achieved(format!(
        "{EXCHANGE} (direct) lleva la clave «{keys}» a {QUEUE}{others} (quorum, durable), y lo \
         rechazado tiene adónde ir"
    ))
}

fn counted(facts: &Facts) -> Item {
    let goal = Goal {
        id: "counted",
        step: 2,
        title: "Los eventos llegan y se cuentan, por cliente",
        looked: "/contados de la analítica: los de las últimas tres horas",
    };
    let Answer::Said(counted) = &facts.counted else {
        return goal.unseen(&facts.place, ANALYTICS, &facts.counted);
    };
    let clients: BTreeSet<_> = counted.iter().map(|Counted { cliente, .. }| cliente).collect();
    let found = format!("eventos: {}; clientes: {}", counted.len(), clients.len());
    if counted.len() >= EVENTS && clients.len() >= CLIENTS {
        return goal.achieved(found);
    }
    goal.missing(
        format!("{found} (hacen falta {EVENTS}, de {CLIENTS})"),
        format!("envíe más, con nombre propio: {}", facts.place.send("-H \"X-Client-Name: ana\"")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::facts::Broker;
    use crate::commands::check::sample::{counted_rows, nothing};
    use serde_json::json;

    #[test]
    fn every_goal_is_graded_once_in_the_order_of_the_steps() {
        let items = grade(&nothing());
        let ids: BTreeSet<_> = items.iter().map(|item| item.goal.id).collect();
        assert_eq!(ids.len(), items.len());
        assert!(items.is_sorted_by_key(|item| item.goal.step));
        assert!(!is_achieved(&items));
    }

    #[test]
    fn what_is_missing_has_a_next_step_and_only_then() {
        for item in grade(&nothing()) {
            assert_eq!(item.next.is_some(), item.mark != Mark::Achieved, "{item:?}");
        }
    }

    #[test]
    fn a_part_that_is_not_ready_is_named() {
        let mut facts = nothing();
        facts.parts = vec![("rabbitmq", true), ("analiticas", false), ("cliente_x", false)];
        let item = ready(&facts);
        assert_eq!(item.mark, Mark::Missing);
        assert_eq!(item.found, "no están listas: analiticas, cliente_x");
        assert!(item.next.unwrap().contains("cargo lab start analiticas"));
        facts.parts = vec![("rabbitmq", true)];
        assert_eq!(ready(&facts).mark, Mark::Achieved);
    }

    #[test]
    fn the_topology_is_that_of_the_design_or_the_difference_is_told() {
        let mut facts = nothing();
        assert!(topology(&facts).found.contains("«click»"));
        facts.broker = Answer::Said(Broker::default());
        assert!(topology(&facts).found.contains("falta la cola cola_analiticas"));
        facts.broker = Answer::Away("no responde a tiempo".to_owned());
        let item = topology(&facts);
        assert_eq!((item.mark, item.found.contains("a tiempo")), (Mark::Missing, true));
    }

    #[test]
    fn further_bindings_are_shown() {
        let mut facts = nothing();
        let Answer::Said(broker) = &mut facts.broker else { unreachable!() };
        broker.bindings.push(json!({
            "source": EXCHANGE, "destination": QUEUE, "routing_key": "compra"
        }));
        assert!(topology(&facts).found.contains("«click», «compra»"));
    }

    #[test]
    fn ten_events_of_two_clients_are_enough() {
        let mut facts = nothing();
        let grade = |clients: &[(&str, usize)], facts: &mut Facts| {
            facts.counted = Answer::Said(counted_rows(clients));
            counted(facts).mark
        };
        assert_eq!(grade(&[("ana", 9), ("leo", 1)], &mut facts), Mark::Achieved);
        assert_eq!(grade(&[("ana", 8), ("leo", 1)], &mut facts), Mark::Missing);
        assert_eq!(grade(&[("ana", 50)], &mut facts), Mark::Missing);
        facts.counted = Answer::Absent;
        assert!(counted(&facts).found.contains("404"));
    }
}
