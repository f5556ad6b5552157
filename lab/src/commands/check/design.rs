//! How the broker should be: the exchanges, queues and bindings that it is given
//! at its start, against those that it has. Pure.

use super::facts::Broker;
use messages::names::EXCHANGE_BY_CLIENT;
use serde_json::Value;

/// What the broker of every laboratory is given.
const DEFINITIONS: &str = include_str!("../../../../rabbitmq/definitions.json");

/// What of it differs, in words; nothing where all is as designed.
pub(super) fn deviations(broker: &Broker) -> Vec<String> {
    let design: Value = serde_json::from_str(DEFINITIONS).unwrap_or_default();
    let wanted = |name: &str| design[name].as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for exchange in wanted("exchanges") {
        found.extend(compared("el exchange", &exchange, &broker.exchanges, &["type", "durable"]));
    }
    for queue in wanted("queues") {
        found.extend(compared("la cola", &queue, &broker.queues, &["durable"]));
    }
    let bindings = wanted("bindings");
    found.extend(bindings.iter().filter(|one| !has_binding(broker, one)).map(unbound));
    found
}

/// What is wrong with one of them: it is missing, or differs in a field or in an
/// argument.
fn compared(what: &str, wanted: &Value, there: &[Value], fields: &[&str]) -> Vec<String> {
    let name = text(&wanted["name"]);
    let Some(actual) = there.iter().find(|one| one["name"] == wanted["name"]) else {
        return vec![format!("falta {what} {name}")];
    };
    let is = |field: &str, wanted: &Value, actual: &Value| {
        let differs = wanted != actual;
        differs.then(|| {
            format!("{what} {name}: {field} es {}, y debe ser {}", text(actual), text(wanted))
        })
    };
    let fields = fields.iter().filter_map(|field| is(field, &wanted[*field], &actual[*field]));
    let arguments = wanted["arguments"].as_object().into_iter().flatten();
    let arguments =
        arguments.filter_map(|(name, value)| is(name, value, &actual["arguments"][name]));
    fields.chain(arguments).collect()
}

/// A text without its quotes; what is missing in a word.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "nada".to_owned(),
        other => other.to_string(),
    }
}

/// Whether it is there; or the way by the exchange that spreads the events, which
/// stands for the one to the queue.
fn has_binding(broker: &Broker, wanted: &Value) -> bool {
    let end = |field: &str| wanted[field].as_str().unwrap_or_default();
    let (from, to, key) = (end("source"), end("destination"), Some(end("routing_key")));
    broker.leads(from, to, key)
        || broker.leads(from, EXCHANGE_BY_CLIENT, key) && broker.leads(EXCHANGE_BY_CLIENT, to, None)
}

fn unbound(wanted: &Value) -> String {
    let field = |name: &str| text(&wanted[name]);
    let (source, destination) = (field("source"), field("destination"));
    format!("falta el enlace de {source} a {destination} con la clave «{}»", field("routing_key"))
}

/// A broker as designed, for tests.
#[cfg(test)]
pub(super) fn as_designed() -> Broker {
    let mut design: Value = serde_json::from_str(DEFINITIONS).unwrap();
    let mut take = |name: &str| design[name].as_array_mut().map(std::mem::take).unwrap();
    Broker { exchanges: take("exchanges"), queues: take("queues"), bindings: take("bindings") }
}

#[cfg(test)]
mod tests {
    use super::{as_designed, deviations};
    use crate::commands::check::facts::Broker;
    use serde_json::json;

    #[test]
    fn a_broker_as_designed_has_no_deviations_whatever_else_it_has() {
        let mut broker = as_designed();
        assert_eq!(deviations(&broker), Vec::<String>::new());
        broker.queues.push(json!({ "name": "otra" }));
        broker.queues[0]["arguments"]["x-more"] = json!(1);
        assert_eq!(deviations(&broker), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_or_different_is_named() {
        let mut broker = as_designed();
        broker.bindings.retain(|binding| binding["routing_key"] != "click");
        broker.exchanges[0]["type"] = json!("topic");
        let queue = broker.queues.iter_mut().find(|queue| queue["name"] == "cola_analiticas");
        let queue = queue.unwrap();
        queue["durable"] = json!(false);
        queue["arguments"]["x-queue-type"] = json!("classic");
        queue["arguments"].as_object_mut().unwrap().remove("x-dead-letter-exchange");
        assert_eq!(
            deviations(&broker),
            [
                "el exchange eventos_clientes: type es topic, y debe ser direct",
                "la cola cola_analiticas: durable es false, y debe ser true",
                "la cola cola_analiticas: x-dead-letter-exchange es nada, y debe ser \
                 eventos_clientes_dlx",
                "la cola cola_analiticas: x-queue-type es classic, y debe ser quorum",
                "falta el enlace de eventos_clientes a cola_analiticas con la clave «click»",
            ]
        );
    }

    #[test]
    fn the_way_that_spreads_the_events_stands_for_the_one_to_the_queue() {
        let mut broker = as_designed();
        broker.bindings.retain(|binding| binding["routing_key"] != "click");
        let binding = |from: &str, to: &str, key: &str| json!({ "source": from, "destination": to, "routing_key": key });
        let spread = "eventos_clientes_por_cliente";
        broker.bindings.push(binding("eventos_clientes", spread, "click"));
        assert_eq!(deviations(&broker).len(), 1, "it leads nowhere");
        broker.bindings.push(binding(spread, "cola_analiticas", "1"));
        broker.bindings.push(binding(spread, "cola_analiticas_2", "1"));
        assert_eq!(deviations(&broker), Vec::<String>::new());
        assert_eq!((broker.partitions(), broker.keys()), (Some(2), vec!["click"]));
        assert_eq!(as_designed().partitions(), None);
    }

    #[test]
    fn an_empty_broker_misses_everything() {
        let found = deviations(&Broker::default());
        assert_eq!(found.len(), 20);
        assert_eq!(found[0], "falta el exchange eventos_clientes");
    }
}
