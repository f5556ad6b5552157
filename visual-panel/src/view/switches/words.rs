//! What each switch is called, what it does, and what will be seen, in both
//! languages.

use super::Switch;

/// A text in Spanish and in English.
pub(super) type Both = (&'static str, &'static str);

/// The texts of a switch.
pub(super) struct Words {
    /// Its title.
    pub(super) title: Both,
    /// What it does.
    pub(super) what: Both,
    /// What will be seen.
    pub(super) prediction: Both,
}

impl Switch {
    /// Its texts.
    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::Pausa => &PAUSA,
            Self::Lento => &LENTO,
            Self::Bloqueo => &BLOQUEO,
            Self::SinCola => &SIN_COLA,
            Self::Duplicados => &DUPLICADOS,
            Self::Veneno => &VENENO,
            Self::MuereAntesDelAcuse => &MUERE_ANTES_DEL_ACUSE,
            Self::AcuseAntesDeGuardar => &ACUSE_ANTES_DE_GUARDAR,
        }
    }
}

const PAUSA: Words = Words {
    title: ("Dejar de consumir", "Stop consuming"),
    what: (
        "Analíticas cancela su consumidor (basic.cancel) y sigue viva. Los emisores no se enteran: \
         publican como siempre.",
        "Analytics cancels its consumer (basic.cancel) and stays alive. Senders do not notice: they \
         publish as always.",
    ),
    prediction: (
        "El tanque se llenará y la cuenta se quedará quieta. Al volver a consumir se vaciará, y no \
         faltará ningún evento.",
        "The tank will fill and the count will stand still. Once it consumes again the tank drains, \
         and no event is missing.",
    ),
};

const LENTO: Words = Words {
    title: ("Guardar despacio", "Store slowly"),
    what: (
        "Antes de guardar cada lote, analíticas espera. Mientras tanto no acusa lo que ya recibió.",
        "Before it stores a batch, analytics waits. Meanwhile what it received stays unacknowledged.",
    ),
    prediction: (
        "Con tráfico, los mensajes sin acuse subirán hasta el prefetch (1000) y ahí se detendrán: el \
         resto espera en la cola.",
        "Under traffic, unacknowledged messages rise to the prefetch (1000) and stop there: the rest \
         waits in the queue.",
    ),
};

const BLOQUEO: Words = Words {
    title: ("Bloquear a los emisores", "Block the senders"),
    what: (
        "Los emisores se comportan como cuando RabbitMQ, sin memoria o sin disco, les manda \
         connection.blocked.",
        "Senders behave as when RabbitMQ, short of memory or disk, sends them connection.blocked.",
    ),
    prediction: (
        "Cada /send contestará 503 «bloqueado» con Retry-After, al momento: nadie promete lo que no \
         puede cumplir.",
        "Every /send will answer 503 “bloqueado” with Retry-After, at once: nobody promises what \
         cannot be kept.",
    ),
};

const SIN_COLA: Words = Words {
    title: ("Enviar a ninguna cola", "Send to no queue"),
    what: (
        "cliente_x publica un evento con la clave «sin_cola», que ningún enlace (binding) recoge. Va \
         con el indicador mandatory.",
        "cliente_x publishes an event with the routing key “sin_cola”, for which there is no binding. \
         It carries the mandatory flag.",
    ),
    prediction: (
        "RabbitMQ devolverá el mensaje (basic.return) y el emisor contestará 422: se verá volver \
         desde el exchange.",
        "RabbitMQ returns the message (basic.return) and the sender answers 422: one sees it come \
         back from the exchange.",
    ),
};

const DUPLICADOS: Words = Words {
    title: ("Enviar dos veces lo mismo", "Send the same twice"),
    what: (
        "cliente_x recibe la misma petición dos veces, con la misma Idempotency-Key, como hace un \
         cliente que no oyó la respuesta.",
        "cliente_x gets the same request twice, with the same Idempotency-Key, as from a client that \
         did not hear the answer.",
    ),
    prediction: (
        "Los dos envíos se confirman y los dos se entregan, pero la cuenta sube en uno: el segundo se \
         reconoce por su id.",
        "Both are confirmed and both are delivered, yet the count rises by one: the second is \
         recognised by its id.",
    ),
};

const VENENO: Words = Words {
    title: ("Enviar veneno", "Send poison"),
    what: (
        "cliente_x publica un mensaje que analíticas nunca podrá contar: su cuerpo no es un evento.",
        "cliente_x publishes a message that analytics can never count: its body is no event.",
    ),
    prediction: (
        "Analíticas lo rechazará a la primera (basic.reject) y caerá en cola_analiticas_dlq; sus \
         vecinos siguen su camino.",
        "Analytics rejects it at once (basic.reject) and it falls into cola_analiticas_dlq; its \
         neighbours go on.",
    ),
};

const MUERE_ANTES_DEL_ACUSE: Words = Words {
    title: (
        "Morir después de guardar y antes de acusar",
        "Die after storing, before acknowledging",
    ),
    what: (
        "En el próximo lote, analíticas confirma la transacción y su proceso termina sin mandar el \
         acuse (ack).",
        "At the next batch, analytics commits its transaction and its process ends without sending \
         the ack.",
    ),
    prediction: (
        "RabbitMQ entregará otra vez el lote al proceso nuevo, y este lo reconocerá: nada se pierde, \
         nada se cuenta dos veces.",
        "RabbitMQ delivers the batch again to the new process, which recognises it: nothing is lost, \
         nothing counted twice.",
    ),
};

const ACUSE_ANTES_DE_GUARDAR: Words = Words {
    title: ("Acusar antes de guardar (mal hecho)", "Acknowledge before storing (the wrong way)"),
    what: (
        "En el próximo lote, analíticas acusa primero y su proceso termina antes de guardar. Así no \
         se hace.",
        "At the next batch, analytics acknowledges first and its process ends before it stores. This \
         is not how it is done.",
    ),
    prediction: (
        "RabbitMQ borra lo acusado: ese lote se PIERDE de verdad, y «La prueba» lo dirá con sus ids.",
        "RabbitMQ deletes what is acknowledged: that batch is LOST for real, and “The proof” will say \
         so, by id.",
    ),
};
