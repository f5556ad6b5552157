//! Which guided class to grade.

use clap::Args;

/// The class, and where it was held.
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArgs {
    /// El número de la clase: 1 (docs/lab-1.md)
    #[arg(value_name = "CLASE", value_parser = clap::value_parser!(u8).range(1..=1))]
    pub(crate) class: u8,
    /// En el laboratorio en contenedores (docker compose)
    #[arg(long)]
    pub(crate) compose: bool,
    /// El resultado como JSON
    #[arg(long)]
    pub(crate) json: bool,
}
