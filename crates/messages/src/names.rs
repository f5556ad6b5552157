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

/// Direct exchange that client systems publish to, the only one they may. The routing
/// key is the system that a message is for, or [`NOTIFICATIONS`].
pub const ENTRY_EXCHANGE: &str = "mensajeria_entrada";

/// Fanout exchange for what [`ENTRY_EXCHANGE`] has no binding for (its alternate
/// exchange): every message to a system.
pub const AUDIT_EXCHANGE: &str = "mensajeria_auditoria";

/// Direct exchange that nothing is bound to. Where everything that is published finds a
/// queue, it is where a publisher asks whether its connection can be used.
pub const PROBE_EXCHANGE: &str = "mensajeria_sonda";

/// Queue behind [`AUDIT_EXCHANGE`], which the audit proxy consumes.
pub const AUDIT_QUEUE: &str = "cola_auditoria";

/// Queue that takes what systems tell of messages they got, and its routing key at
/// [`ENTRY_EXCHANGE`]; no system can have this name.
pub const NOTIFICATIONS: &str = "notificaciones";

/// Direct exchange that the audit proxy forwards to. The routing key is the system.
pub const DELIVERY_EXCHANGE: &str = "mensajeria_salida";

/// Fanout exchange for what the audit proxy does not forward.
pub const REFUSED_EXCHANGE: &str = "mensajeria_rechazados";

/// Queue behind [`REFUSED_EXCHANGE`], read by people only.
pub const REFUSED_QUEUE: &str = "cola_rechazados";

/// AMQP header of a refused message: why.
pub const REASON_HEADER: &str = "motivo";

/// AMQP header of a refused message: the user who published it, as the broker had it.
pub const USER_HEADER: &str = "usuario";

/// AMQP header that says when a message was made (RFC 3339), finer than the whole
/// seconds of AMQP's own `timestamp`.
pub const CREATED_HEADER: &str = "creado";

/// AMQP property `type` of a notification.
pub const NOTIFICATION_TYPE: &str = "notificacion.v1";

/// Fanout exchange for what applications say of their own work; nothing of it is
/// audited or forwarded.
pub const LOG_EXCHANGE: &str = "eventos_log";

/// Queue behind [`LOG_EXCHANGE`]. It drops its oldest when it is full.
pub const LOG_QUEUE: &str = "cola_eventos_log";

/// How the name of every system's queue begins.
pub const MAILBOX_PREFIX: &str = "buzon_";

/// The queue of a system, bound to [`DELIVERY_EXCHANGE`] with its name.
#[must_use]
pub fn mailbox(system: &crate::SystemName) -> String {
    format!("{MAILBOX_PREFIX}{system}")
}
