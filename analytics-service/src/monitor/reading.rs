//! What the management API says of our queues. Pure, and lenient: a queue that
//! was declared just now has no numbers yet, and versions differ in what else
//! they tell (3.10 to 4.x).

use messages::names::{self, QUEUES};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The broker, as far as it concerns analytics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Reading {
    /// The queue that is counted from, or all of them together; null where one is not
    /// there, or has no numbers yet.
    pub(crate) cola: Option<WorkQueue>,
    /// The queue of what was rejected.
    pub(crate) muertas: Option<DeadLetterQueue>,
    /// Routing keys under which the exchange puts messages into the queue, or has them
    /// spread over the queues.
    pub(crate) enlaces: Vec<String>,
}

/// The queue that is counted from; of several, the sums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Cola)]
pub(crate) struct WorkQueue {
    /// Its name; of several, the first one's.
    pub(crate) nombre: &'static str,
    /// Messages that wait to be delivered.
    pub(crate) listos: u64,
    /// Messages delivered and not acknowledged yet.
    pub(crate) sin_acuse: u64,
    /// Consumers; as the broker's statistics say, which are some seconds old.
    pub(crate) consumidores: u64,
    /// Messages that it takes at most; null where it has no limit.
    pub(crate) limite: Option<u64>,
    /// One by one: those that are used, and those that no longer are and still exist.
    pub(crate) particiones: Vec<Partition>,
}

/// One of the queues that are counted from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Particion)]
pub(crate) struct Partition {
    /// Its name.
    pub(crate) nombre: &'static str,
    /// Messages that wait to be delivered.
    pub(crate) listos: u64,
    /// Messages delivered and not acknowledged yet.
    pub(crate) sin_acuse: u64,
    /// Consumers; as the broker's statistics say, which are some seconds old.
    pub(crate) consumidores: u64,
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
    /// consumers, and the exchange's bindings. `None` where one of them is no list.
    pub(crate) fn of(
        partitions: usize,
        totals: &Value,
        consumers: &Value,
        bindings: &Value,
    ) -> Option<Self> {
        let (totals, consumers) = (list(totals)?, list(consumers)?);
        Some(Self {
            cola: work_queue(partitions, totals, consumers),
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

/// Without the numbers of one there is no sum: it would look as if nothing waited.
fn work_queue(partitions: usize, totals: &[Value], consumers: &[Value]) -> Option<WorkQueue> {
    let (used, unused) = QUEUES.split_at(partitions);
    let unused = unused.iter().filter(|name| named(totals, name).is_some());
    let names: Vec<_> = used.iter().chain(unused).copied().collect();
    let queues: Vec<_> = names.iter().map(|name| named(totals, name)).collect::<Option<_>>()?;
    let of = |(name, queue)| partition(name, queue, consumers);
    let particiones: Vec<_> =
        names.into_iter().zip(queues.iter().copied()).map(of).collect::<Option<_>>()?;
    let limits = queues.iter().map(|queue| queue["arguments"]["x-max-length"].as_u64());
    Some(WorkQueue {
        nombre: names::QUEUE,
        listos: particiones.iter().map(|queue| queue.listos).sum(),
        sin_acuse: particiones.iter().map(|queue| queue.sin_acuse).sum(),
        consumidores: particiones.iter().map(|queue| queue.consumidores).sum(),
        limite: limits.sum(),
        particiones,
    })
}

fn partition(nombre: &'static str, queue: &Value, consumers: &[Value]) -> Option<Partition> {
    let consumers = named(consumers, nombre).and_then(|queue| queue["consumers"].as_u64());
    Some(Partition {
        nombre,
        listos: queue["messages_ready"].as_u64()?,
        sin_acuse: queue["messages_unacknowledged"].as_u64()?,
        consumidores: consumers.unwrap_or_default(),
    })
}

fn dead_letter_queue(queue: &Value) -> Option<DeadLetterQueue> {
    let mensajes = queue["messages"].as_u64()?;
    Some(DeadLetterQueue { nombre: names::DEAD_LETTER_QUEUE, mensajes })
}

/// Each once: bindings may differ in their arguments alone.
fn routing_keys(bindings: &[Value]) -> Vec<String> {
    let ours = bindings.iter().filter(|binding| is_ours(binding));
    let mut keys: Vec<_> =
        ours.filter_map(|binding| binding["routing_key"].as_str()).map(str::to_owned).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether it leads to a queue of ours, or to the exchange that spreads over them.
fn is_ours(binding: &Value) -> bool {
    let leads_to = |name: &str| binding["destination"] == name;
    match binding["destination_type"].as_str() {
        Some("queue") => QUEUES.into_iter().any(leads_to),
        Some("exchange") => leads_to(names::EXCHANGE_BY_CLIENT),
        _ => false,
    }
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
        "properties_key":"Compra"},{"source":"eventos_clientes","vhost":"/","destination":
        "cola_de_otros","destination_type":"queue","routing_key":"otra","arguments":{},
        "properties_key":"otra"}]"#;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn the_recorded_answers_are_understood() {
        let reading = Reading::of(1, &value(TOTALS), &value(CONSUMERS), &value(BINDINGS));
        let wanted = json!({
            "cola": { "nombre": "cola_analiticas", "listos": 3, "sin_acuse": 12,
                      "consumidores": 1, "limite": 5_000_000, "particiones": [
                          { "nombre": "cola_analiticas", "listos": 3, "sin_acuse": 12,
                            "consumidores": 1 }] },
            "muertas": { "nombre": "cola_analiticas_dlq", "mensajes": 2 },
            "enlaces": ["Compra", "click"],
        });
        assert_eq!(serde_json::to_value(reading.expect("understood")).expect("JSON"), wanted);
    }

    fn of_queues(totals: &Value) -> Reading {
        Reading::of(1, totals, &json!([]), &json!([])).expect("understood")
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
            assert_eq!(Reading::of(1, totals, consumers, bindings), None);
        }
    }

    fn holding(name: &str, ready: u64, unacked: u64) -> Value {
        json!({ "name": name, "messages_ready": ready, "messages_unacknowledged": unacked,
                "arguments": { "x-max-length": 100 } })
    }

    fn of_partitions(partitions: usize, totals: &[Value]) -> Option<WorkQueue> {
        let consumers = json!([{ "name": "cola_analiticas_2", "consumers": 2 }]);
        let reading = Reading::of(partitions, &json!(totals), &consumers, &json!([]));
        reading.expect("understood").cola
    }

    #[test]
    fn of_several_queues_it_tells_the_sums_and_each_one() {
        let totals = [
            holding("cola_analiticas", 1, 2),
            holding("cola_analiticas2", 7, 7),
            holding("cola_analiticas_2", 10, 20),
            holding("cola_analiticas_20", 7, 7),
            holding("cola_analiticas_dlq", 7, 7),
        ];
        let cola = of_partitions(2, &totals).expect("the queues");
        assert_eq!((cola.nombre, cola.listos, cola.sin_acuse), ("cola_analiticas", 11, 22));
        assert_eq!((cola.consumidores, cola.limite), (2, Some(200)));
        let each = cola.particiones.iter().map(|one| (one.nombre, one.listos, one.sin_acuse));
        let each: Vec<_> = each.collect();
        assert_eq!(each, [("cola_analiticas", 1, 2), ("cola_analiticas_2", 10, 20)]);
    }

    #[test]
    fn a_queue_that_is_used_no_more_and_still_there_is_one_of_them() {
        let totals = [holding("cola_analiticas", 0, 0), holding("cola_analiticas_3", 5, 0)];
        let cola = of_partitions(1, &totals).expect("the queues");
        assert_eq!((cola.listos, cola.particiones.len()), (5, 2));
    }

    #[test]
    fn without_the_numbers_of_one_queue_there_is_no_sum() {
        let (first, second) = (holding("cola_analiticas", 0, 0), "cola_analiticas_2");
        assert_eq!(of_partitions(2, std::slice::from_ref(&first)), None);
        let without_numbers = json!({ "name": second, "arguments": {} });
        assert_eq!(of_partitions(2, &[first.clone(), without_numbers.clone()]), None);
        assert_eq!(of_partitions(1, &[first.clone(), without_numbers]), None);
        assert!(of_partitions(2, &[first, holding(second, 0, 0)]).is_some());
    }

    #[test]
    fn what_comes_by_way_of_the_exchange_that_spreads_is_bound_too() {
        let binding = |to: &str, kind: &str, key: &str| json!({ "destination": to, "destination_type": kind, "routing_key": key });
        let bindings = json!([
            binding("eventos_clientes_por_cliente", "exchange", "click"),
            binding("cola_analiticas", "queue", "compra"),
            binding("cola_analiticas", "exchange", "a"),
            binding("eventos_clientes_por_cliente", "queue", "b"),
            binding("cola_analiticas_dlq", "queue", "c"),
        ]);
        let reading = Reading::of(2, &json!([]), &json!([]), &bindings).expect("understood");
        assert_eq!(reading.enlaces, ["click", "compra"]);
    }
}
