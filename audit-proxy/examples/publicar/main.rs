//! Publishes one message as a system, with whatever it is to say of itself: what a class
//! needs to see what the audit makes of it.

use std::{path::PathBuf, process::ExitCode, time::Duration};

#[path = "../mailing/account.rs"]
mod account;
#[path = "../mailing/credentials.rs"]
mod credentials;
#[path = "../mailing/letter.rs"]
mod letter;

use anyhow::{Context, bail};
use broker::{Outcome, Publisher, publisher};
use clap::Parser;
use messages::names;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use letter::Letter;

/// How long the connection may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked at meanwhile.
const AGAIN: Duration = Duration::from_millis(50);

/// Publishes one message as a system of the pilot, and says what RabbitMQ answers.
#[derive(Parser)]
#[command(name = "publicar", version)]
struct Config {
    /// The system's credentials, as the example «piloto» keeps them
    #[arg(long)]
    credenciales: PathBuf,

    /// The system that the message says to be from (`app_id`)
    #[arg(long)]
    de: String,

    /// The system that it is for, or «notificaciones» (routing key)
    #[arg(long)]
    a: String,

    /// Its kind (`type`)
    #[arg(long)]
    tipo: String,

    /// Its id; a new one where it is left out
    #[arg(long)]
    id: Option<Uuid>,

    /// What it belongs to (`correlation_id`)
    #[arg(long)]
    correlacion: Option<String>,

    /// What it carries
    #[arg(long, default_value = "{}")]
    cuerpo: String,

    /// The exchange that it is published to
    #[arg(long, default_value = names::ENTRY_EXCHANGE)]
    exchange: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let config: Config = match service_kit::config::parse(&arguments) {
        Ok(config) => config,
        Err(error) => return error.report(),
    };
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    let path = config.credenciales;
    let account = credentials::read(&path)?
        .with_context(|| format!("no hay credenciales en {}", path.display()))?;
    let stop = CancellationToken::new();
    let name = format!("publicar, como {}", account.user);
    // The exchange is named once in the life of this process.
    let exchange = config.exchange.leak();
    let (publisher, publishing) = publisher(account.url.clone(), name, exchange, stop.clone());
    let publishing = tokio::spawn(publishing.probing_at(names::PROBE_EXCHANGE).run());
    let mut letter = Letter::new(&config.tipo, &config.a, config.correlacion, config.cuerpo);
    if let Some(id) = config.id {
        letter.id = id.into();
    }
    connected(&publisher).await?;
    let id = letter.id;
    let outcome = publisher.publish(letter.outgoing(&config.de, &account)).await;
    stop.cancel();
    publishing.await?;
    match outcome {
        Outcome::Confirmed => println!("{id} confirmado"),
        other => bail!("{id} no confirmado: {other:?}"),
    }
    Ok(())
}

async fn connected(publisher: &Publisher) -> anyhow::Result<()> {
    let (started, mut ticks) = (Instant::now(), interval(AGAIN));
    loop {
        ticks.tick().await;
        match publisher.status().check() {
            Ok(()) => return Ok(()),
            Err(reason) if started.elapsed() > PATIENCE => bail!("{reason}"),
            Err(_) => {}
        }
    }
}
