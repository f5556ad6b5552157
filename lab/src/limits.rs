//! How many files and connections the parts may have open at once.

use crate::failure::Failure;
use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// With fewer RabbitMQ takes connections and never answers on them (seen with 256); what
/// Debian gives everybody.
const LEAST: u64 = 1024;

/// More than this is of no use to any part.
const MOST: u64 = 65_536;

/// Raises this process's limit, and so that of what it starts, as far as it may.
///
/// # Errors
/// When that is not far enough.
pub(crate) fn raise() -> Result<()> {
    let what = "no se pudo leer cuántos archivos se pueden abrir";
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context(what)?;
    let wanted = wanted(soft, hard)?;
    if wanted > soft {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).context("no se pudo subir ulimit -n")?;
    }
    Ok(())
}

fn wanted(soft: u64, hard: u64) -> Result<u64, Failure> {
    if hard < LEAST {
        return Err(Failure::usage(format!(
            "aquí se pueden abrir {hard} archivos a la vez, y RabbitMQ pide {LEAST}: abra una \
             terminal con más (ulimit -n) y repita la orden"
        )));
    }
    Ok(soft.max(hard.min(MOST)))
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_and_never_lowered() {
        for (soft, hard, want) in [
            (1024, 1_048_576, 65_536),
            (256, 4096, 4096),
            (1024, 1024, 1024),
            (1_048_576, 1_048_576, 1_048_576),
        ] {
            assert_eq!(wanted(soft, hard).unwrap(), want, "{soft} {hard}");
        }
    }

    #[test]
    fn too_few_are_refused_in_one_line_that_names_ulimit() {
        let told = wanted(256, 256).unwrap_err().to_string();
        assert!(told.contains("256") && told.contains("ulimit -n"), "{told}");
        assert_eq!(told.lines().count(), 1);
    }
}
