//! Arguments of the commands that send events and judge what became of them.

use clap::{Args, ValueEnum};

const LOAD_MOST: u64 = 10_000_000;

/// What to send.
#[derive(Args, Clone, Debug)]
pub(crate) struct LoadArgs {
    /// Cuántos eventos (1000)
    #[arg(long, value_name = "N", default_value_t = 1000, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=LOAD_MOST))]
    pub(crate) events: u64,
    /// Peticiones por segundo, respondan o no
    #[arg(long, value_name = "N", conflicts_with = "connections", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Peticiones a la vez; cada una espera su respuesta (8)
    #[arg(long, value_name = "N", value_parser = connections)]
    pub(crate) connections: Option<usize>,
    /// Entre cuántos clientes se reparten (10)
    #[arg(long, value_name = "N", default_value_t = 10, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=LOAD_MOST))]
    pub(crate) clients: u64,
    /// Eventos por petición (1); con más usa /send/batch
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) batch: u64,
    /// A los tres clientes (direct), o por la puerta (traefik)
    #[arg(long, value_enum, value_name = "CAMINO", default_value_t = Through::Direct)]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    pub(crate) through: Through,
    /// Repite lo no confirmado con la misma Idempotency-Key
    #[arg(long)]
    pub(crate) retry: bool,
    /// Al laboratorio en contenedores (docker compose)
    #[arg(long)]
    pub(crate) compose: bool,
    /// El resultado como JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The way to the senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Through {
    Direct,
    Traefik,
}

/// What to prove.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Clone, Debug)]
pub(crate) struct ProveArgs {
    /// Solo estos escenarios (todos si no se nombra ninguno)
    #[arg(value_name = "ESCENARIO")]
    pub(crate) scenarios: Vec<String>,
    /// Muestra los escenarios que hay
    #[arg(long)]
    pub(crate) list: bool,
    /// Pocas repeticiones: unos seis minutos en vez de veinte
    #[arg(long)]
    pub(crate) short: bool,
    /// Comete errores a propósito; cada uno debe quedar a la vista
    #[arg(long, conflicts_with = "scenarios")]
    pub(crate) mistakes: bool,
    /// En contenedores (docker compose), con los fallos que allí se pueden hacer
    #[arg(long, conflicts_with = "mistakes")]
    pub(crate) compose: bool,
    /// El resultado como JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// A folder with binaries to use instead of building them
    #[arg(long, hide = true, value_name = "FOLDER")]
    pub(crate) binaries: Option<std::path::PathBuf>,
}

/// How to compare.
#[derive(Args, Clone, Debug)]
pub(crate) struct CompareArgs {
    /// Peticiones por segundo, por cada camino (50)
    #[arg(long, value_name = "N", default_value_t = 50.0, hide_default_value = true, value_parser = rate)]
    pub(crate) rate: f64,
    /// Segundos que dura el envío (15)
    #[arg(long, value_name = "S", default_value_t = 15, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(3..=600))]
    pub(crate) seconds: u64,
    /// Segundos, de esos, con analiticas detenida (5)
    #[arg(long, value_name = "S", default_value_t = 5, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) stopped: u64,
    /// El resultado como JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.1..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("debe ser un número entre 0.1 y 100000".to_owned()),
    }
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=1024).contains(&number) => Ok(number),
        _ => Err("debe ser un número entre 1 y 1024".to_owned()),
    }
}
