//! The images that the engine has.

use super::LABEL;
use crate::tools::engine::docker;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::process::Output;

/// An image that is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) bytes: u64,
    /// Whether it carries our label.
    pub(super) stands_in: bool,
    /// How many names it has.
    names: usize,
}

/// The image of that name or id.
pub(super) async fn find(name: &str) -> Result<Option<Stored>> {
    let output = run(&["image", "inspect", name]).await?;
    if output.status.success() {
        let found = parse(&output.stdout);
        return found.map(Some).with_context(|| format!("docker describe mal {name}"));
    }
    let error = String::from_utf8_lossy(&output.stderr);
    if error.to_lowercase().contains("no such image") {
        return Ok(None);
    }
    bail!("docker no pudo buscar {name}: {}", error.trim())
}

/// Gives an image another name, from whichever has it now.
pub(super) async fn name(image: &str, name: &str) -> Result<()> {
    let output = run(&["image", "tag", image, name]).await?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("docker no pudo dar el nombre {name}: {}", error.trim());
    }
    Ok(())
}

/// Takes a name away, and with the last name the image. One that is not there, or
/// that a container or another image needs, is left alone.
pub(super) async fn remove(name: &str) -> Result<()> {
    run(&["image", "rm", name]).await.map(drop)
}

/// Removes an image if no name is left.
pub(super) async fn remove_unnamed(id: &str) -> Result<()> {
    match find(id).await? {
        Some(found) if found.names == 0 => remove(id).await,
        _ => Ok(()),
    }
}

/// The names in a repository: what is behind the colon.
pub(super) async fn names_in(repository: &str) -> Result<Vec<String>> {
    let output = run(&["image", "ls", "--format", "{{.Tag}}", repository]).await?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

async fn run(args: &[&str]) -> Result<Output> {
    docker().args(args).output().await.context("no se pudo ejecutar docker")
}

fn parse(answer: &[u8]) -> Option<Stored> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let image = &answer[0];
    Some(Stored {
        id: image["Id"].as_str()?.to_owned(),
        bytes: image["Size"].as_u64()?,
        stands_in: image["Config"]["Labels"][LABEL] == "true",
        names: image["RepoTags"].as_array().map_or(0, Vec::len),
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_the_label_makes_a_stand_in() {
        let of = |labels: &str| {
            let text = format!(
                r#"[{{"Id":"sha256:a","Size":7,"RepoTags":["a:1"],"Config":{{"Labels":{labels}}}}}]"#
            );
            parse(text.as_bytes()).unwrap()
        };
        assert!(of(r#"{"org.relevo.stand-in":"true"}"#).stands_in);
        assert!(!of("null").stands_in);
        assert!(!of(r#"{"maintainer":"true"}"#).stands_in);
        assert_eq!((of("null").bytes, of("null").names), (7, 1));
    }

    #[test]
    fn anything_else_is_no_image() {
        assert_eq!(parse(b"[]"), None);
        assert_eq!(parse(b""), None);
    }
}
