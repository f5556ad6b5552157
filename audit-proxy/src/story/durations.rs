//! How long each stage of a message took, and whether clocks contradict each other. Pure.

use jiff::{SignedDuration, Timestamp};

use super::Duraciones;
use crate::store::Entry;

pub(super) fn of(message: &Entry) -> Duraciones {
    let received = message.key.received();
    let hasta_recibido_ms = message.created.map(|created| milliseconds(created, received));
    let proxy_ms = message.forwarded.map(|forwarded| milliseconds(received, forwarded));
    let ended = message.forwarded.zip(message.notified);
    let proceso_ms = ended.map(|(forwarded, notified)| milliseconds(forwarded, notified));
    let settled_early = message.settled.is_some_and(|settled| latest(settled) < received);
    let told = message.settled.zip(message.notified);
    let settled_late = told.is_some_and(|(settled, notified)| settled > notified);
    let created_late = hasta_recibido_ms.is_some_and(|ms| ms < 0.0);
    let relojes_desfasados = created_late || settled_early || settled_late;
    Duraciones { hasta_recibido_ms, proxy_ms, proceso_ms, relojes_desfasados }
}

/// The last moment that a time may mean: AMQP's own tell whole seconds.
fn latest(told: Timestamp) -> Timestamp {
    if told.subsec_nanosecond() != 0 {
        return told;
    }
    told.saturating_add(SignedDuration::from_micros(999_999)).unwrap_or(told)
}

/// To the microsecond for as long as anybody will look, and negative where `to` is earlier.
fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_millis_f64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::story::{
        tell,
        tests::{at, message},
    };

    #[test]
    fn what_takes_longer_than_a_month_is_told_whole_and_with_its_sign() {
        const MONTH: i64 = 30 * 24 * 3_600_000;
        let ahead = Entry { created: Some(at(100 + MONTH)), ..message() };
        let told = tell(ahead, Vec::new()).duraciones;
        assert_eq!((told.hasta_recibido_ms, told.relojes_desfasados), (Some(-2.592e9), true));
        let notified = Some(at(104 + MONTH));
        let slow = Entry { notified, settled: notified, ..message() };
        let told = tell(slow, Vec::new()).duraciones;
        assert_eq!((told.proceso_ms, told.relojes_desfasados), (Some(2.592e9), false));
        let settled_ahead = Entry { settled: Some(at(604 + 2 * MONTH)), ..message() };
        assert!(tell(settled_ahead, Vec::new()).duraciones.relojes_desfasados);
    }

    proptest! {
        #[test]
        fn a_duration_is_as_long_as_the_times_are_apart(
            from in Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond(),
            to in Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond(),
        ) {
            let moment = |micros| Timestamp::from_microsecond(micros).expect("in range");
            let told = milliseconds(moment(from), moment(to));
            prop_assert_eq!(told.total_cmp(&0.0), to.cmp(&from));
            // Parts that a float has exactly.
            let (whole, rest) = ((to - from) / 1000, (to - from) % 1000);
            let parts = |part: i64| f64::from(i32::try_from(part).expect("small"));
            let is = parts(whole / 1_000_000) * 1e6 + parts(whole % 1_000_000) + parts(rest) / 1e3;
            prop_assert!((told - is).abs() <= is.abs() * 1e-15, "{} and {}", told, is);
        }
    }
}
