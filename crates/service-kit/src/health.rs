//! Readiness: whether the service can do its work now, and if not, why.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

type Check = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The named checks behind `/readyz`. A check answers at once, from what the
/// service already knows: it does not go and look.
#[derive(Clone, Default)]
pub struct Readiness(Vec<(&'static str, Check)>);

impl Readiness {
    /// Adds a check; `Err` is a sentence that says what is missing.
    #[must_use]
    pub fn with(
        mut self,
        name: &'static str,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.0.push((name, Arc::new(check)));
        self
    }

    /// Asks all checks.
    #[must_use]
    pub fn report(&self) -> ReadyReport {
        let partes: Vec<_> = self.0.iter().map(|(name, check)| part(name, check())).collect();
        ReadyReport { listo: partes.iter().all(|part| part.listo), partes }
    }
}

fn part(nombre: &'static str, outcome: Result<(), String>) -> ReadyPart {
    ReadyPart { nombre, listo: outcome.is_ok(), detalle: outcome.err() }
}

/// Body of `/readyz`.
#[derive(Serialize, ToSchema)]
pub struct ReadyReport {
    /// Whether all parts are ready.
    pub listo: bool,
    /// Each thing that the service cannot do without.
    pub partes: Vec<ReadyPart>,
}

/// One line of [`ReadyReport`].
#[derive(Serialize, ToSchema)]
pub struct ReadyPart {
    /// Name of the part.
    nombre: &'static str,
    /// Whether it is ready.
    listo: bool,
    /// What is missing, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    detalle: Option<String>,
}
