//! What can be asked about dead messages.

use clap::{Args, Subcommand, value_parser};

/// Which laboratory's dead-letter queue, and what to do with it.
#[derive(Args)]
#[command(subcommand_value_name = "ORDEN", subcommand_help_heading = "Órdenes")]
pub(crate) struct DeadArgs {
    /// Del laboratorio en contenedores (docker compose)
    #[arg(long, global = true)]
    pub(crate) compose: bool,
    #[command(subcommand)]
    pub(crate) asked: Dead,
}

/// What to do with the dead-letter queue.
#[derive(Subcommand)]
pub(crate) enum Dead {
    /// Muestra los mensajes muertos, el que más espera primero
    List(List),
    /// Muestra un mensaje entero y por qué murió
    Show {
        /// La clave que muestra list, o su id entero
        #[arg(value_name = "CLAVE")]
        key: String,
    },
    /// Publica mensajes otra vez donde se publicaron, con su mismo id
    Retry(Chosen),
    /// Borra mensajes para siempre
    Drop(Chosen),
}

/// How much of the queue to show.
#[derive(Args)]
pub(crate) struct List {
    /// Cuántos se muestran (20)
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    #[arg(hide_default_value = true, value_parser = value_parser!(u16).range(1..=1000))]
    pub(crate) lines: u16,
    /// Un arreglo JSON con todo menos el cuerpo
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which messages.
#[derive(Args)]
pub(crate) struct Chosen {
    /// Las claves que muestra list, o los ids enteros
    #[arg(value_name = "CLAVE")]
    pub(crate) keys: Vec<String>,
    /// Todos los que hay al empezar
    #[arg(long)]
    pub(crate) all: bool,
}
