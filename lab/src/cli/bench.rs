//! What to measure.

use clap::Args;
use std::path::PathBuf;

/// How much of it, and where it is written.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Clone, Debug)]
pub(crate) struct BenchArgs {
    /// Solo esta medida; puede repetirse
    #[arg(long, value_name = "MEDIDA")]
    pub(crate) only: Vec<String>,
    /// Muestra las medidas que hay (con --quick o --full, las de esa vuelta)
    #[arg(long)]
    pub(crate) list: bool,
    /// Una vuelta corta, para ver que todo se mide
    #[arg(long)]
    pub(crate) quick: bool,
    /// Colas de un millón de eventos, y más clientes, ids, emisores y mensajes
    #[arg(long, conflicts_with = "quick")]
    pub(crate) full: bool,
    /// Cuántas veces se mide todo (3)
    #[arg(long, value_name = "N", value_parser = repetitions)]
    pub(crate) repetitions: Option<usize>,
    /// Eventos de las colas que se vacían (200000) y mensajes que se buscan (5000000)
    #[arg(long, value_name = "N", conflicts_with = "full")]
    #[arg(value_parser = clap::value_parser!(u64).range(1000..=4_000_000))]
    pub(crate) backlog: Option<u64>,
    /// Dónde se escribe el resultado como JSON (.lab/bench.json)
    #[arg(long, value_name = "ARCHIVO")]
    pub(crate) output: Option<PathBuf>,
    /// Muestra el resultado como JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Dibuja en esta carpeta el coste de un evento según crece el laboratorio
    #[arg(long, value_name = "CARPETA")]
    pub(crate) plots: Option<PathBuf>,
    /// Dibuja lo que midió otra vuelta, a partir de su JSON, sin medir nada
    #[arg(long, value_name = "ARCHIVO", requires = "plots")]
    #[arg(conflicts_with_all = ["only", "list", "quick", "full", "repetitions", "backlog", "output", "json", "strict"])]
    pub(crate) plot_from: Option<PathBuf>,
    /// Termina con 1 si no se alcanza alguna meta
    #[arg(long)]
    pub(crate) strict: bool,
    /// A folder with binaries to use instead of building them
    #[arg(long, hide = true, value_name = "FOLDER")]
    pub(crate) binaries: Option<PathBuf>,
}

fn repetitions(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=20).contains(&number) => Ok(number),
        _ => Err("debe ser un número entre 1 y 20".to_owned()),
    }
}
