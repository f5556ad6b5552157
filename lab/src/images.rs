//! Stand-ins for the official images that `docker-compose.yml` and the
//! `Dockerfile` name, for places where no registry can be reached.
//!
//! They are made of Debian's packages, of the Traefik that the laboratory runs
//! without containers, and of this machine's Rust. Each carries a label, and an
//! image without it is never replaced.
//!
//! - [`recipe`], [`base`]: what each is made of.
//! - [`pipe`]: one program's output into another.
//! - [`store`]: what the engine has already.
//! - [`plugins`]: Compose for the Docker client.

mod base;
mod pipe;
pub(crate) mod plugins;
mod recipe;
mod store;

use crate::compose::docker;
use crate::layout::Layout;
use crate::process::ProcessId;
use crate::ui;
use anyhow::Result;

/// What the recipes give every stand-in, and no official image has.
const LABEL: &str = "org.relevo.stand-in";

/// What an image is called until all of it is there, with the number of the
/// process that builds it.
const UNFINISHED: &str = "relevo/unfinished";

/// An image that can be built here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Image {
    /// What the others stand on.
    Debian,
    RabbitMq,
    Postgres,
    Traefik,
    Rust,
}

impl Image {
    /// Those that stand in for an official one.
    const STAND_INS: [Self; 4] = [Self::RabbitMq, Self::Postgres, Self::Traefik, Self::Rust];

    const ALL: [Self; 5] =
        [Self::Debian, Self::RabbitMq, Self::Postgres, Self::Traefik, Self::Rust];

    /// Its name, as the recipes, `docker-compose.yml` and the `Dockerfile` say it.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Debian => "relevo/debian:trixie",
            Self::RabbitMq => "rabbitmq:4.3-management",
            Self::Postgres => "postgres:17",
            Self::Traefik => "traefik:v3.7",
            Self::Rust => concat!("rust:", env!("CARGO_PKG_RUST_VERSION"), "-slim-trixie"),
        }
    }
}

/// An image that the engine has.
pub(crate) struct Present {
    pub(crate) image: Image,
    pub(crate) bytes: u64,
    /// What it is made of, in words; nothing where it does not say.
    pub(crate) made_of: String,
}

/// Builds the stand-ins that are missing, and with `rebuild` those that are
/// there as well.
pub(crate) async fn ensure(layout: &Layout, rebuild: bool) -> Result<()> {
    remove_abandoned().await?;
    let mut wanted = Vec::new();
    for image in Image::STAND_INS {
        if is_wanted(image, rebuild).await? {
            wanted.push(image);
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    if is_wanted(Image::Debian, rebuild).await? {
        wanted.insert(0, Image::Debian);
    }
    let mut replaced = Vec::new();
    for image in wanted {
        replaced.extend(store::find(image.tag()).await?);
        build(layout, image).await?;
    }
    // Those that stand on others first.
    for old in replaced.iter().rev() {
        store::remove_unnamed(&old.id).await?;
    }
    Ok(())
}

/// Gets the official images that are missing, or builds what stands in for them
/// where they cannot be had.
pub(crate) async fn obtain(layout: &Layout) -> Result<()> {
    for image in Image::STAND_INS {
        let tag = image.tag();
        if store::find(tag).await?.is_some() {
            continue;
        }
        if let Err(error) = docker(["pull", "--quiet", tag]).await {
            ui::note(format!("• {tag} no se puede descargar, y se construye aquí: {error:#}"));
            ensure_base(layout).await?;
            build(layout, image).await?;
        }
    }
    Ok(())
}

/// Says which of the official images are stand-ins: what is tried with them is
/// not tried with the versions that their names say.
pub(crate) async fn tell_stand_ins() -> Result<()> {
    let mut tags = Vec::new();
    for image in Image::STAND_INS {
        if store::find(image.tag()).await?.is_some_and(|found| found.stands_in) {
            tags.push(format!("{} ({})", image.tag(), recipe::made_of(image).await));
        }
    }
    if !tags.is_empty() {
        ui::note(format!("• con imágenes sustitutas: {}", tags.join(", ")));
    }
    Ok(())
}

/// Builds the image that the others stand on, where it is missing.
async fn ensure_base(layout: &Layout) -> Result<()> {
    if store::find(Image::Debian.tag()).await?.is_none() {
        build(layout, Image::Debian).await?;
    }
    Ok(())
}

async fn is_wanted(image: Image, rebuild: bool) -> Result<bool> {
    let tag = image.tag();
    match store::find(tag).await? {
        None => return Ok(true),
        Some(found) if !found.stands_in => {
            ui::note(format!("✓ {tag} no es de este laboratorio: se conserva"));
        }
        Some(_) if rebuild => return Ok(true),
        Some(_) => ui::note(format!("✓ {tag} ya está (--rebuild la construye de nuevo)")),
    }
    Ok(false)
}

/// Removes what runs that were killed left behind.
async fn remove_abandoned() -> Result<()> {
    for pid in store::names_in(UNFINISHED).await? {
        if pid.parse().ok().and_then(ProcessId::of).is_none() {
            store::remove(&format!("{UNFINISHED}:{pid}")).await?;
        }
    }
    Ok(())
}

/// Gives the image its name only when all of it is there.
async fn build(layout: &Layout, image: Image) -> Result<()> {
    let tag = image.tag();
    let source = recipe::source(layout, image).await?;
    let step = ui::step(&format!("construyendo {tag}"));
    let unfinished = format!("{UNFINISHED}:{}", std::process::id());
    let sink = recipe::sink(image, &unfinished);
    let piped = pipe::run(layout, source, sink, &format!("construir {tag}")).await;
    let named = match piped {
        Ok(()) => store::name(&unfinished, tag).await,
        failed => failed,
    };
    store::remove(&unfinished).await?;
    named?;
    step.done(&format!("{tag} construida"));
    Ok(())
}

/// The images that the engine has under the names of [`Image`].
pub(crate) async fn present() -> Result<Vec<Present>> {
    let mut present = Vec::new();
    for image in Image::ALL {
        let Some(found) = store::find(image.tag()).await? else { continue };
        let made_of = if found.stands_in {
            recipe::made_of(image).await
        } else {
            "no es de este laboratorio".to_owned()
        };
        present.push(Present { image, bytes: found.bytes, made_of });
    }
    Ok(present)
}

#[cfg(test)]
mod tests {
    use super::{Image, LABEL};

    const COMPOSE: &str = include_str!("../../docker-compose.yml");
    const DOCKERFILE: &str = include_str!("../../Dockerfile");

    /// What follows a word at the beginning of a line, up to the next space.
    fn named_after<'a>(word: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = text.lines().filter_map(move |line| line.trim().strip_prefix(word));
        lines.filter_map(|rest| rest.split_whitespace().next())
    }

    fn official() -> Vec<&'static str> {
        let used = named_after("image: ", COMPOSE).filter(|name| !name.starts_with("relevo/"));
        used.chain(named_after("FROM ", DOCKERFILE).filter(|name| name.contains(':'))).collect()
    }

    #[test]
    fn there_is_a_stand_in_for_each_official_image_and_no_other() {
        let used = official();
        for image in Image::STAND_INS {
            assert!(used.contains(&image.tag()), "nobody uses {}", image.tag());
        }
        for name in used {
            let has_one = Image::STAND_INS.iter().any(|image| image.tag() == name);
            assert!(has_one, "nothing stands in for {name}");
        }
    }

    #[test]
    fn each_recipe_stands_on_the_base_and_has_the_label() {
        let recipes = [
            (Image::RabbitMq, include_str!("../images/rabbitmq/Dockerfile")),
            (Image::Postgres, include_str!("../images/postgres/Dockerfile")),
            (Image::Traefik, include_str!("../images/traefik/Dockerfile")),
            (Image::Rust, include_str!("../images/rust/Dockerfile")),
        ];
        assert_eq!(recipes.map(|(image, _)| image), Image::STAND_INS);
        for (image, recipe) in recipes {
            assert!(recipe.contains(image.tag()), "{image:?}");
            assert_eq!(named_after("FROM ", recipe).collect::<Vec<_>>(), [Image::Debian.tag()]);
            let label = format!("{LABEL}=true");
            assert_eq!(named_after("LABEL ", recipe).collect::<Vec<_>>(), [label]);
        }
    }
}
