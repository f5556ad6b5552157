//! `images`: builds stand-ins for the official images.

use crate::failure::Failure;
use crate::images::{self, Present};
use crate::layout::Layout;
use crate::signals::Interrupts;
use crate::tools::engine;
use crate::ui;
use anyhow::Result;

pub(crate) async fn run(layout: &Layout, rebuild: bool) -> Result<u8> {
    layout.create()?;
    let mut interrupts = Interrupts::listen()?;
    tokio::select! {
        // First: Ctrl-C ends programs of ours as well, and is why they failed.
        biased;
        () = interrupts.next() => return Err(Failure::interrupted().into()),
        present = prepare(layout, rebuild) => ui::say(table(&present?)),
    }
    Ok(0)
}

async fn prepare(layout: &Layout, rebuild: bool) -> Result<Vec<Present>> {
    engine::answers().await?;
    images::ensure(layout, rebuild).await?;
    images::plugins::ensure_compose(layout).await?;
    images::present().await
}

fn table(rows: &[Present]) -> String {
    let mut lines = vec![line("IMAGEN", "TAMAÑO", "HECHA DE")];
    lines.extend(rows.iter().map(|row| {
        let size = format!("{} MB", (row.bytes + 500_000) / 1_000_000);
        line(row.image.tag(), &size, &row.made_of)
    }));
    lines.join("\n")
}

fn line(image: &str, size: &str, made_of: &str) -> String {
    format!("{image:<24}{size:>10}  {made_of}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::images::{Image, Present};

    #[test]
    fn the_table_fits_eighty_columns() {
        let made_of = "PostgreSQL 17.10 de Debian 13".to_owned();
        let row = Present { image: Image::RabbitMq, bytes: 12_345_678_900, made_of };
        let table = table(&[row]);
        assert!(
            table.ends_with("rabbitmq:4.3-management   12346 MB  PostgreSQL 17.10 de Debian 13")
        );
        for line in table.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
