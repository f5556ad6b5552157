//! Names on the broker. They are part of the wire: students type them into
//! RabbitMQ's dashboard, so they stay as the class knows them.

/// Direct exchange that senders publish to. The routing key is the event's name.
pub const EXCHANGE: &str = "eventos_clientes";

/// Queue that analytics consumes, bound to [`EXCHANGE`].
pub const QUEUE: &str = "cola_analiticas";

/// The queues among which the events may be spread, by client; the first so many of
/// them are used. One is enough for most, and that is [`QUEUE`].
pub const QUEUES: [&str; 16] = [
    QUEUE,
    "cola_analiticas_2",
    "cola_analiticas_3",
    "cola_analiticas_4",
    "cola_analiticas_5",
    "cola_analiticas_6",
    "cola_analiticas_7",
    "cola_analiticas_8",
    "cola_analiticas_9",
    "cola_analiticas_10",
    "cola_analiticas_11",
    "cola_analiticas_12",
    "cola_analiticas_13",
    "cola_analiticas_14",
    "cola_analiticas_15",
    "cola_analiticas_16",
];

/// Consistent-hash exchange between [`EXCHANGE`] and [`QUEUES`], where more than one
/// of them is used.
pub const EXCHANGE_BY_CLIENT: &str = "eventos_clientes_por_cliente";

/// AMQP header that says whose event it is: who only routes does not read bodies.
pub const CLIENT_HEADER: &str = "cliente";

/// The routing key that analytics binds; further ones may be bound by hand.
pub const CLICK: &str = "click";

/// Fanout exchange that takes what [`QUEUE`] gave up on.
pub const DEAD_LETTER_EXCHANGE: &str = "eventos_clientes_dlx";

/// Queue behind [`DEAD_LETTER_EXCHANGE`], read by people only.
pub const DEAD_LETTER_QUEUE: &str = "cola_analiticas_dlq";

/// AMQP property `type` of a click event; another value is another version.
pub const CLICK_EVENT_TYPE: &str = "evento_cliente.v1";

/// Clients over the limit of distinct names are counted together under this
/// name. It holds characters that no [`crate::ClientName`] can hold, so no
/// client can claim it.
pub const OTHERS: &str = "(otros)";
