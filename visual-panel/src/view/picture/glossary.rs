//! What each part is, in the terms of RabbitMQ's documentation (AMQP 0-9-1
//! Model Explained, Publisher Confirms, Dead Letter Exchanges), and what each
//! dot means.

use crate::lang::Lang;

/// What a part is.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Its name, the end of its anchor.
    pub id: &'static str,
    /// Its name in words.
    pub term: &'static str,
    /// Two sentences.
    pub text: &'static str,
}

/// What a dot means.
#[derive(Debug, Clone)]
pub struct Sign {
    /// Its name.
    pub name: &'static str,
    /// Its shape: SVG path data around the origin.
    pub shape: &'static str,
    /// In words.
    pub text: &'static str,
}

/// The dots.
pub(super) fn legend(lang: Lang) -> Vec<Sign> {
    let sign =
        |name, shape, spanish, english| Sign { name, shape, text: lang.say(spanish, english) };
    vec![
        sign("evento", "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0 -14 0z", "evento", "event"),
        sign("devuelto", "M-8 0L6 -8V8z", "devuelto al emisor", "returned to its sender"),
        sign(
            "rechazado",
            "M-7 -4L-4 -7L0 -3L4 -7L7 -4L3 0L7 4L4 7L0 3L-4 7L-7 4L-3 0z",
            "no aceptado",
            "not accepted",
        ),
        sign(
            "otra-vez",
            "M-8 0a8 8 0 1 0 16 0a8 8 0 1 0 -16 0zM-3.5 0a3.5 3.5 0 1 1 7 0a3.5 3.5 0 1 1 -7 0z",
            "entregado otra vez",
            "delivered again",
        ),
        sign("repetido", "M-7 -3H7V3H-7z", "repetido, no cuenta", "duplicate, not counted"),
        sign("muerta", "M0 -9L8 0L0 9L-8 0z", "muerto (dead letter)", "dead letter"),
    ]
}

/// The explanations, along the path.
pub(super) fn explanations(lang: Lang) -> Vec<Explanation> {
    let mut all = publishing(lang);
    all.extend(consuming(lang));
    all.extend(exceptions(lang));
    all
}

fn publishing(lang: Lang) -> Vec<Explanation> {
    vec![
        Explanation {
            id: "emisor",
            term: lang.say("Emisor (publisher)", "Publisher"),
            text: lang.say(
                "Un publisher publica mensajes en un exchange, cada uno con su clave de enrutamiento (routing key), sin saber quién los leerá. Con publisher confirms, solo da por aceptado un mensaje (✓) cuando el broker lo ha confirmado.",
                "A publisher publishes messages to an exchange, each with a routing key, without knowing who will read them. With publisher confirms it takes a message as accepted (✓) only once the broker has confirmed it.",
            ),
        },
        Explanation {
            id: "exchange",
            term: lang.say("Exchange", "Exchange"),
            text: lang.say(
                "Un exchange recibe los mensajes publicados y los encamina a cero o más colas, según su tipo y sus enlaces; él mismo no guarda nada. Uno de tipo direct lleva cada mensaje a las colas cuyo enlace tiene una clave exactamente igual a la routing key del mensaje.",
                "An exchange takes the messages that are published and routes them into zero or more queues, by its type and its bindings; it stores nothing itself. A direct one delivers each message to the queues whose binding key exactly equals the message's routing key.",
            ),
        },
        Explanation {
            id: "enlace",
            term: lang.say("Enlace (binding)", "Binding"),
            text: lang.say(
                "Un enlace (binding) es la regla con la que un exchange encamina mensajes a una cola. La etiqueta es su clave: solo los mensajes con esa routing key pasan por aquí hasta cola_analiticas.",
                "A binding is the rule by which an exchange routes messages to a queue. The label is its key: only messages with that routing key pass here, to cola_analiticas.",
            ),
        },
    ]
}

fn consuming(lang: Lang) -> Vec<Explanation> {
    vec![
        Explanation {
            id: "cola",
            term: lang.say("Cola (quorum queue)", "Queue (quorum queue)"),
            text: lang.say(
                "Una cola guarda los mensajes en orden (FIFO) hasta que un consumidor los recibe y da acuse (ack); una quorum queue los tiene en disco y puede replicarlos. «Listos» (ready) aún no se han entregado, y «sin acuse» (unacked, a rayas) están entregados pero siguen siendo de la cola; la escala del tanque es logarítmica.",
                "A queue keeps messages in order (FIFO) until a consumer gets and acknowledges them (ack); a quorum queue has them on disk and can replicate them. “Ready” ones are not delivered yet, and “unacked” ones (striped) are delivered but still belong to the queue; the tank's scale is logarithmic.",
            ),
        },
        Explanation {
            id: "consumidor",
            term: lang.say("Consumidor y prefetch", "Consumer and prefetch"),
            text: lang.say(
                "Un consumidor se suscribe a la cola y el broker le entrega mensajes; el prefetch limita cuántos puede tener sin acuse a la vez. Analíticas guarda un lote en una transacción y solo después da acuse de todo el lote, con un único ack (multiple).",
                "A consumer subscribes to the queue and the broker delivers messages to it; its prefetch limits how many may be unacknowledged at once. Analytics stores a batch in one transaction, and only then acknowledges all of it with a single ack (multiple).",
            ),
        },
        Explanation {
            id: "cuenta",
            term: lang.say("La cuenta", "The count"),
            text: lang.say(
                "La base de datos guarda la cuenta y, en la misma transacción, el message_id de cada mensaje. Por eso un mensaje que se entrega dos veces se cuenta una sola vez: el segundo se reconoce como repetido.",
                "The database keeps the count and, in the same transaction, the message_id of each message. That is why a message that is delivered twice is counted once: the second one is recognised as a duplicate.",
            ),
        },
    ]
}

fn exceptions(lang: Lang) -> Vec<Explanation> {
    vec![
        Explanation {
            id: "devuelto",
            term: lang.say("Devuelto (mandatory)", "Returned (mandatory)"),
            text: lang.say(
                "Un mensaje publicado con el indicador mandatory que no puede encaminarse a ninguna cola vuelve a quien lo publicó (basic.return). Sin mandatory, el broker lo descartaría en silencio.",
                "A message published with the mandatory flag that cannot be routed to any queue is returned to its publisher (basic.return). Without mandatory the broker would drop it silently.",
            ),
        },
        Explanation {
            id: "otra-vez",
            term: lang.say("Entregado otra vez (redelivered)", "Redelivered"),
            text: lang.say(
                "Si un consumidor se va sin dar acuse, el broker devuelve sus mensajes a la cola y los entrega de nuevo, con la marca redelivered. Nada se pierde, pero algo puede llegar dos veces: un consumidor debe ser idempotente.",
                "When a consumer goes away without acknowledging, the broker requeues its messages and delivers them again, marked as redelivered. Nothing is lost, but something may come twice: a consumer has to be idempotent.",
            ),
        },
        Explanation {
            id: "muerta",
            term: lang.say("Mensaje muerto (dead letter)", "Dead letter"),
            text: lang.say(
                "Un mensaje que el consumidor rechaza sin volver a encolarlo (reject, requeue=false), o que supera su límite de entregas, lo publica el broker en el dead letter exchange, eventos_clientes_dlx. De ahí va a cola_analiticas_dlq y espera a que una persona lo mire, sin estorbar a los demás.",
                "A message that the consumer rejects without requeueing (reject, requeue=false), or that exceeds its delivery limit, is republished by the broker to the dead letter exchange, eventos_clientes_dlx. From there it goes to cola_analiticas_dlq and waits for a person to look at it, out of the others' way.",
            ),
        },
    ]
}
