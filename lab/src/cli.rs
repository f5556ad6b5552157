//! The command line, in the class's language.

mod bench;
mod check;
mod dead;
mod proof;
mod refusal;

pub(crate) use bench::BenchArgs;
pub(crate) use check::CheckArgs;
pub(crate) use dead::{Chosen, Dead, DeadArgs, List};
#[cfg(feature = "apparatus")]
pub(crate) use proof::Through;
pub(crate) use proof::{CompareArgs, LoadArgs, ProveArgs};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

const TEMPLATE: &str = "{about-with-newline}\nUso: {usage}\n\n{all-args}{after-help}\n";

const STATUS_HELP: &str = "Estados: en marcha (running), no listo (not_ready), \
detenido (stopped),\ncaído (died), en pausa (paused). Termina con 3 si no hay nada en marcha.";

const CHECK_HELP: &str = "Termina con 0 si todo está logrado, con 1 si falta algo.";

const BENCH_HELP: &str = "Termina con 0 si todo se pudo medir, se alcance la meta o no; \
con 1 si algo falló,\no si no se alcanza alguna y se pidió --strict.";

const SERVICE_HELP: &str = "rabbitmq, analiticas, cliente_x, cliente_uno, \
cliente_dos,\npanel-visual o traefik";

/// Relevo: pone en marcha y maneja el laboratorio.
#[derive(Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab", arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be asked of the laboratory.
#[derive(Subcommand)]
#[command(subcommand_value_name = "ORDEN", subcommand_help_heading = "Órdenes")]
pub(crate) enum Command {
    /// Prepara lo necesario y pone en marcha uno o más laboratorios
    Up {
        /// 1 (o basico), 2 (o auditoria), o todo; si no se dice, el 1
        #[arg(value_name = "LABORATORIO")]
        labs: Vec<String>,
        /// Vuelve a la terminal cuando todo está listo
        #[arg(long)]
        detach: bool,
    },
    /// Detiene todo, en orden; los datos se conservan
    Down,
    /// Muestra el estado de cada servicio
    #[command(after_help = STATUS_HELP)]
    Status {
        /// Un arreglo JSON con name, state, pid (o container) y ports
        #[arg(long)]
        json: bool,
        /// Del laboratorio en contenedores (docker compose)
        #[arg(long)]
        compose: bool,
    },
    /// Muestra lo que escriben los servicios
    Logs(Logs),
    /// Detiene un servicio
    Stop(Service),
    /// Pone en marcha un servicio detenido
    Start(Service),
    /// Detiene un servicio y lo pone en marcha otra vez
    Restart(Service),
    /// Muestra la primera clave de la auditoría, de la cuenta admin
    Clave,
    /// Muestra los mensajes muertos, los publica otra vez o los borra
    #[command(arg_required_else_help = true)]
    Dead(DeadArgs),
    #[command(flatten)]
    Apparatus(Apparatus),
    /// Ejecuta rabbitmqctl contra el RabbitMQ del laboratorio
    Rabbitmqctl {
        /// Argumentos para rabbitmqctl
        #[arg(value_name = "ARGUMENTOS", trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Starts and watches the parts in the background; `up --detach` runs it
    #[command(hide = true)]
    Watch,
}

/// What measures, proves and tests.
#[derive(Subcommand)]
pub(crate) enum Apparatus {
    /// Envía eventos y comprueba que lo confirmado se cuenta una vez
    Load(LoadArgs),
    /// Envía lo mismo con cola y sin ella mientras analiticas se detiene
    Compare(CompareArgs),
    /// Rompe todo lo que puede romperse y comprueba que nada se pierde
    Prove(ProveArgs),
    /// Mide lo que cuesta el laboratorio, junto a lo que RabbitMQ puede
    #[command(after_help = BENCH_HELP)]
    Bench(BenchArgs),
    /// Califica la clase guiada por lo que muestra el laboratorio
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Instala lo que piden las pruebas y las ejecuta todas
    Test {
        /// En contenedores (docker compose), y solo lo que a ellos toca
        #[arg(long)]
        compose: bool,
        /// Argumentos para cargo test
        #[arg(value_name = "ARGUMENTOS", trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Construye aquí las imágenes de Docker que no se pueden descargar
    Images {
        /// Construye de nuevo las que ya están
        #[arg(long)]
        rebuild: bool,
    },
}

/// A service, by any of its names.
#[derive(Args)]
pub(crate) struct Service {
    /// One of the names or aliases of [`crate::part::Part`].
    #[arg(value_name = "SERVICIO", help = SERVICE_HELP)]
    pub(crate) service: String,
}

/// Which log lines to show.
#[derive(Args)]
pub(crate) struct Logs {
    /// Solo este servicio
    #[arg(value_name = "SERVICIO")]
    pub(crate) service: Option<String>,
    /// Sigue mostrando lo que llega, hasta Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Cuántas líneas de cada servicio se muestran primero (50)
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    #[arg(hide_default_value = true)]
    pub(crate) lines: usize,
}

/// Reads the command line; on a wrong one, explains and ends the process.
pub(crate) fn parse() -> Cli {
    let parsed = command().try_get_matches().and_then(|found| Cli::from_arg_matches(&found));
    parsed.unwrap_or_else(|error| refusal::exit(&error))
}

fn command() -> clap::Command {
    let mut command = in_spanish(Cli::command());
    command.build();
    command.mut_subcommands(with_usage)
}

fn with_usage(mut command: clap::Command) -> clap::Command {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace("[OPTIONS]", "[OPCIONES]");
    command.override_usage(usage).mut_subcommands(with_usage)
}

/// Replaces the English words of clap's own help.
fn in_spanish(command: clap::Command) -> clap::Command {
    let help = clap::Arg::new("ayuda")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help("Muestra esta ayuda");
    command
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .help_template(TEMPLATE)
        .arg(help)
        .mut_args(|arg| {
            let heading = if arg.is_positional() { "Argumentos" } else { "Opciones" };
            arg.help_heading(heading)
        })
        .mut_subcommands(in_spanish)
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
