//! What the laboratory should reach, in the order in which it is told.

use super::figures::{COST, P50, P99, PER_SECOND};
use super::series::{CLIENTS, IDS, SENDERS, Series};
use super::target::Bound::{AtLeast, AtMost};
use super::target::Number::{Largest, Of, One, Sum};
use super::target::{Bound, Number, Target};

/// Processor time of sender and analytics, and of the broker, for an event.
const SERVICES: [&str; 2] = ["cpu_us.cliente_x", "cpu_us.analiticas"];
const BROKER: &str = "cpu_us.rabbitmq";

const fn target(name: &'static str, over: Number, under: Number, bound: Bound) -> Target {
    Target { name, over, under, bound }
}

const fn rate(measurement: &'static str) -> Number {
    Of(measurement, PER_SECOND)
}

/// What an event costs at the end of a series, beside its beginning.
const fn growth(series: &'static Series) -> Target {
    target("coste por evento", Largest(series, COST), cost(series.points[0].0), AtMost(1.15))
}

const fn cost(measurement: &'static str) -> Number {
    Of(measurement, COST)
}

#[rustfmt::skip]
pub(super) const ALL: [Target; 26] = [
    target("/send ÷ publicar en crudo (100)", rate("send"), rate("crudo-100"), AtLeast(0.70)),
    target("/send ÷ Flask como en los tutoriales", rate("send"), rate("flask"), AtLeast(150.0)),
    target("/send ÷ gunicorn con confirms", rate("send"), rate("gunicorn"), AtLeast(18.0)),
    target("/send: p99 ÷ p50", Of("send", P99), Of("send", P50), AtMost(3.0)),
    target("/send/batch ÷ publicar en crudo (1000)", rate("batch"), rate("crudo-1000"), AtLeast(0.9)),
    target("lote contado ÷ publicar y consumir en crudo", rate("completo"), rate("crudo-ambos"), AtLeast(0.80)),
    target("panel: edad de lo que muestra, p99 (ms)", Of("panel", "panel_p99_ms"), One, AtMost(250.0)),
    target("vaciar la cola ÷ consumir en crudo", rate("cola"), rate("crudo-consumo"), AtLeast(0.4)),
    target("memoria de analiticas, cola (MiB)", Of("cola", "peak_mib.analiticas"), One, AtMost(96.0)),
    target("memoria del emisor bajo carga (MiB)", Of("contado", "peak_mib.cliente_x"), One, AtMost(48.0)),
    target("memoria del emisor con lotes (MiB)", Of("completo", "peak_mib.cliente_x"), One, AtMost(48.0)),
    target("memoria del panel con navegadores (MiB)", Of("panel", "peak_mib.panel-visual"), One, AtMost(48.0)),
    target("CPU de emisor y analiticas ÷ RabbitMQ, /send", Sum("contado", SERVICES), Of("contado", BROKER), AtMost(1.0)),
    target("CPU de emisor y analiticas ÷ RabbitMQ, lotes", Sum("completo", SERVICES), Of("completo", BROKER), AtMost(1.0)),
    target("/reporte durante la carga, p99 (ms)", Of("contado", "report_p99_ms"), One, AtMost(5.0)),
    target("por Traefik ÷ /send directo", rate("traefik"), rate("send"), AtLeast(0.45)),
    target("crudo: 2 colas según el cliente ÷ una", rate("crudo-particiones"), rate("crudo-ambos"), AtLeast(1.4)),
    target("lote contado: 2 colas según el cliente ÷ una", rate("particiones"), rate("completo"), AtLeast(1.0)),
    target("auditoría ÷ reenviar sin guardar copia", rate("auditoria"), rate("auditoria-crudo"), AtLeast(0.95)),
    target("auditoría: lo que añade, p50 (ms)", Of("auditoria-demora", "added_p50_ms"), One, AtMost(5.0)),
    target("auditoría: lo que añade, p99 (ms)", Of("auditoria-demora", "added_p99_ms"), One, AtMost(25.0)),
    target("auditoría: buscar por un campo, p99 (ms)", Of("auditoria-buscar", P99), One, AtMost(20.0)),
    growth(&CLIENTS),
    growth(&IDS),
    growth(&SENDERS),
    target("coste por evento, repartidos-8 ÷ emisores-1", cost("repartidos-8"), cost("emisores-1"), AtMost(1.15)),
];

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::bench::measure;
    use crate::bench::target::Number;

    #[test]
    fn every_goal_is_about_something_that_is_measured() {
        let measured = |name: &str| measure::ALL.iter().any(|one| one.name == name);
        for number in ALL.iter().flat_map(|target| [target.over, target.under]) {
            match number {
                Number::Of(name, _) | Number::Sum(name, _) => assert!(measured(name), "{name}"),
                // Whose points are measured, as series are tested for.
                Number::Largest(..) | Number::One => {}
            }
        }
    }
}
