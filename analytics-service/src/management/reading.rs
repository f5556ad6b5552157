//! What the management API says of our queues. Pure, and lenient: a queue that
//! was declared just now has no numbers yet, and versions differ in what else
//! they tell (3.10 to 4.x).

use messages::names;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The broker, as far as it concerns analytics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Reading {
    /// The queue that is counted from; null where it is not there, or has no
    /// numbers yet.
    pub(crate) cola: Option<WorkQueue>,
    /// The queue of what was rejected.
    pub(crate) muertas: Option<DeadLetterQueue>,
    /// Routing keys under which the exchange puts messages into the queue.
    pub(crate) enlaces: Vec<String>,
}

/// The queue that is counted from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Cola)]
pub(crate) struct WorkQueue {
    /// Its name.
    pub(crate) nombre: &'static str,
    /// Messages that wait to be delivered.
    pub(crate) listos: u64,
    /// Messages delivered and not acknowledged yet.
    pub(crate) sin_acuse: u64,
    /// Consumers; as the broker's statistics say, which are some seconds old.
    pub(crate) consumidores: u64,
    /// Messages that it takes at most; null where it has no limit.
    pub(crate) limite: Option<u64>,
}

/// The queue of what was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ColaDeMuertas)]
pub(crate) struct DeadLetterQueue {
    /// Its name.
    pub(crate) nombre: &'static str,
    /// Messages in it.
    pub(crate) mensajes: u64,
}

impl Reading {
    /// Puts the answers together: queues with their messages, queues with their
    /// consumers, and bindings. `None` where one of them is no list.
    pub(crate) fn of(totals: &Value, consumers: &Value, bindings: &Value) -> Option<Self> {
        let (totals, consumers) = (list(totals)?, list(consumers)?);
        let consumers =
            named(consumers, names::QUEUE).and_then(|queue| queue["consumers"].as_u64());
        Some(Self {
            cola: named(totals, names::QUEUE)
                .and_then(|queue| work_queue(queue, consumers.unwrap_or_default())),
            muertas: named(totals, names::DEAD_LETTER_QUEUE).and_then(dead_letter_queue),
            enlaces: routing_keys(list(bindings)?),
        })
    }
}

/// A page of a list, or the list itself.
fn list(answer: &Value) -> Option<&Vec<Value>> {
    answer["items"].as_array().or(answer.as_array())
}

fn named<'a>(queues: &'a [Value], name: &str) -> Option<&'a Value> {
    queues.iter().find(|queue| queue["name"] == name)
}

fn work_queue(queue: &Value, consumidores: u64) -> Option<WorkQueue> {
    Some(WorkQueue {
        nombre: names::QUEUE,
        listos: queue["messages_ready"].as_u64()?,
        sin_acuse: queue["messages_unacknowledged"].as_u64()?,
        consumidores,
        limite: queue["arguments"]["x-max-length"].as_u64(),
    })
}

fn dead_letter_queue(queue: &Value) -> Option<DeadLetterQueue> {
    let mensajes = queue["messages"].as_u64()?;
    Some(DeadLetterQueue { nombre: names::DEAD_LETTER_QUEUE, mensajes })
}

/// Each once: bindings may differ in their arguments alone.
fn routing_keys(bindings: &[Value]) -> Vec<String> {
    let keys = bindings.iter().filter_map(|binding| binding["routing_key"].as_str());
    let mut keys: Vec<_> = keys.map(str::to_owned).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RabbitMQ 3.10.8, as recorded; the same fields in the lists of 4.x.
    const TOTALS: &str = r#"{"filtered_count":2,"item_count":2,"items":[
        {"arguments":{"x-dead-letter-exchange":"eventos_clientes_dlx","x-dead-letter-strategy":
         "at-least-once","x-delivery-limit":1000,"x-max-length":5000000,"x-overflow":
         "reject-publish","x-queue-type":"quorum"},"messages":15,"messages_ready":3,
         "messages_unacknowledged":12,"name":"cola_analiticas"},
        {"arguments":{"x-delivery-limit":2000000000,"x-max-length":5000000,"x-overflow":
         "reject-publish","x-queue-type":"quorum"},"messages":2,"messages_ready":2,
         "messages_unacknowledged":0,"name":"cola_analiticas_dlq"}],
        "page":1,"page_count":1,"page_size":100,"total_count":2}"#;

    const CONSUMERS: &str = r#"{"filtered_count":2,"item_count":2,"items":[
        {"consumers":1,"name":"cola_analiticas"},{"consumers":0,"name":"cola_analiticas_dlq"}],
        "page":1,"page_count":1,"page_size":100,"total_count":2}"#;

    const BINDINGS: &str = r#"[{"source":"eventos_clientes","vhost":"/","destination":
        "cola_analiticas","destination_type":"queue","routing_key":"click","arguments":{},
        "properties_key":"click"},{"source":"eventos_clientes","vhost":"/","destination":
        "cola_analiticas","destination_type":"queue","routing_key":"click","arguments":{"a":1},
        "properties_key":"click~x"},{"source":"eventos_clientes","vhost":"/","destination":
        "cola_analiticas","destination_type":"queue","routing_key":"Compra","arguments":{},
        "properties_key":"Compra"}]"#;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn the_recorded_answers_are_understood() {
        let reading = Reading::of(&value(TOTALS), &value(CONSUMERS), &value(BINDINGS));
        let wanted = json!({
            "cola": { "nombre": "cola_analiticas", "listos": 3, "sin_acuse": 12,
                      "consumidores": 1, "limite": 5_000_000 },
            "muertas": { "nombre": "cola_analiticas_dlq", "mensajes": 2 },
            "enlaces": ["Compra", "click"],
        });
        assert_eq!(serde_json::to_value(reading.expect("understood")).expect("JSON"), wanted);
    }

    fn of_queues(totals: &Value) -> Reading {
        Reading::of(totals, &json!([]), &json!([])).expect("understood")
    }

    #[test]
    fn a_list_without_pages_is_a_list_too() {
        let reading = of_queues(&value(TOTALS)["items"]);
        assert_eq!(reading.cola.expect("the queue").listos, 3);
    }

    #[test]
    fn a_queue_without_numbers_is_not_one_with_zeros() {
        let declared = json!({ "items": [
            { "name": "cola_analiticas", "arguments": { "x-max-length": 5_000_000 } },
            { "name": "cola_analiticas_dlq", "arguments": {} },
        ] });
        assert_eq!(of_queues(&declared), Reading::default());
    }

    #[test]
    fn without_consumers_or_a_limit_the_rest_is_known() {
        let queue = json!([
            { "name": "cola_analiticas", "messages_ready": 1, "messages_unacknowledged": 0 }
        ]);
        let cola = of_queues(&queue).cola.expect("the queue");
        assert_eq!((cola.listos, cola.consumidores, cola.limite), (1, 0, None));
    }

    #[test]
    fn a_queue_whose_name_only_begins_alike_is_another() {
        let queue = json!([
            { "name": "cola_analiticas2", "messages_ready": 1, "messages_unacknowledged": 0 }
        ]);
        assert_eq!(of_queues(&queue), Reading::default());
    }

    #[test]
    fn what_is_no_list_is_not_understood() {
        let (list, none) = (json!([]), json!({}));
        for answers in [[&none, &list, &list], [&list, &none, &list], [&list, &list, &none]] {
            let [totals, consumers, bindings] = answers;
            assert_eq!(Reading::of(totals, consumers, bindings), None);
        }
    }
}
