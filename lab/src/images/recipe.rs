//! What each image is made of: a tar with its files or its recipe, and how the
//! engine makes an image of that.

use super::{Image, LABEL, base};
use crate::layout::Layout;
use crate::tools::{self, engine::docker};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// What of a toolchain programs are built with; the rest of it is documents.
const TOOLCHAIN: [&str; 3] = ["bin", "lib", "libexec"];

/// What writes all that the image is made of as a tar.
pub(super) async fn source(layout: &Layout, image: Image) -> Result<Command> {
    let folder = |name: &str| layout.root().join("lab/images").join(name);
    match image {
        Image::Debian => base::source().await,
        Image::RabbitMq => Ok(tar(&folder("rabbitmq"))),
        Image::Postgres => Ok(tar(&folder("postgres"))),
        Image::Traefik => {
            let program = tools::traefik::ensure(layout).await?;
            let beside = program.parent().context("Traefik sin carpeta")?;
            let mut tar = tar(&folder("traefik"));
            // What is on `PATH` may be a link.
            tar.arg("--dereference").arg("-C").arg(beside).arg("traefik");
            Ok(tar)
        }
        Image::Rust => {
            let toolchain = toolchain(layout).await?;
            let parts = TOOLCHAIN.iter().filter(|part| toolchain.join(part).is_dir());
            let mut tar = tar(&folder("rust"));
            // The targets of links stay as they are.
            let into = format!(r"s,^\({}\)/,toolchain/\1/,S", TOOLCHAIN.join(r"\|"));
            tar.arg("-C").arg(&toolchain).arg("--transform").arg(into).args(parts);
            Ok(tar)
        }
    }
}

/// A tar with all of that folder, to which more can be added. Modes do not depend
/// on the umask that the workspace was checked out with.
fn tar(folder: &Path) -> Command {
    let mut command = Command::new("tar");
    command.args(["--create", "--mode=a+rX", "-C"]).arg(folder).arg(".");
    command
}

/// What makes an image with that name from a tar.
pub(super) fn sink(image: Image, name: &str) -> Command {
    let mut command = docker();
    match image {
        Image::Debian => {
            let label = format!("LABEL {LABEL}=true");
            command.args(["import", "-c", "CMD [\"bash\"]", "-c", &label, "-", name])
        }
        _ => command.args(["build", "--force-rm", "--tag", name, "-"]),
    };
    command
}

/// The folder of this machine's Rust.
async fn toolchain(layout: &Layout) -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(layout.root())
        .output()
        .await
        .context("no se pudo ejecutar rustc")?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if !output.status.success() || !folder.join("lib/rustlib").is_dir() {
        bail!("rustc --print sysroot no dice dónde está Rust");
    }
    if ["/usr", "/usr/local"].iter().any(|system| folder == Path::new(system)) {
        bail!(
            "el Rust de esta máquina está mezclado con otros programas en {}.\n\
             Para {} hace falta uno con carpeta propia: https://rustup.rs",
            folder.display(),
            Image::Rust.tag()
        );
    }
    Ok(folder)
}

/// What an image of ours says about what is in it; nothing if it does not say.
pub(super) async fn made_of(image: Image) -> String {
    let output = docker()
        .args(["run", "--rm", "--network", "none", "--entrypoint", "sh", image.tag(), "-c"])
        .arg(asked(image))
        .output()
        .await;
    let answer = output.map(|output| output.stdout).unwrap_or_default();
    version(&String::from_utf8_lossy(&answer))
        .map_or_else(String::new, |version| in_words(image, version))
}

/// What its version is asked with.
fn asked(image: Image) -> &'static str {
    match image {
        Image::Debian => "cat /etc/debian_version",
        Image::RabbitMq => "dpkg-query -W rabbitmq-server",
        Image::Postgres => "postgres --version",
        Image::Traefik => "traefik version",
        Image::Rust => "rustc --version",
    }
}

fn in_words(image: Image, version: &str) -> String {
    match image {
        Image::Debian => format!("Debian {version}, la base de las demás"),
        Image::RabbitMq => format!("RabbitMQ {version} de Debian 13"),
        Image::Postgres => format!("PostgreSQL {version} de Debian 13"),
        Image::Traefik => format!("Traefik {version}, el del laboratorio"),
        Image::Rust => format!("Rust {version} de esta máquina"),
    }
}

/// The first version in an answer, without the packager's own.
fn version(answer: &str) -> Option<&str> {
    let begins = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let word = answer.split_whitespace().find(begins)?;
    word.split(['-', '+']).next()
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_is_found_in_what_each_program_says() {
        assert_eq!(version("13.2\n"), Some("13.2"));
        assert_eq!(version("rabbitmq-server\t4.0.5-8+deb13u1\n"), Some("4.0.5"));
        assert_eq!(version("postgres (PostgreSQL) 17.6 (Debian 17.6-0+deb13u1)"), Some("17.6"));
        assert_eq!(version("Version:      3.7.15\nCodename:     x"), Some("3.7.15"));
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)"), Some("1.95.0"));
        assert_eq!(version("sh: not found"), None);
    }
}
