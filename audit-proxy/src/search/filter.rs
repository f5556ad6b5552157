//! Which messages are meant: those of which all that is given is true.

use jiff::Timestamp;
use messages::{MessageId, text::MAX_SHORT_LENGTH};
use service_kit::clock::moment;

use super::Parameters;

/// Longest text that is looked for in payloads, in characters.
pub const MAX_TEXT_LENGTH: usize = 200;

/// What is asked of messages; what is not given is not asked.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Filter {
    /// This id, of any source.
    pub id: Option<MessageId>,
    /// What it belongs to.
    pub correlation: Option<String>,
    /// The system that it is from, or says to be from.
    pub source: Option<String>,
    /// The system that it is for.
    pub destination: Option<String>,
    /// What kind of message it is.
    pub kind: Option<String>,
    /// Its state now.
    pub state: Option<String>,
    /// Received at this moment or later.
    pub since: Option<Timestamp>,
    /// Received before this moment.
    pub until: Option<Timestamp>,
    /// A text in its payload.
    pub text: Option<String>,
}

impl Filter {
    /// Takes what is given of `id`, `correlacion`, `origen`, `destino`, `tipo`, `estado`,
    /// `desde`, `hasta` and `texto`.
    #[must_use]
    pub fn take(parameters: &mut Parameters) -> Self {
        let since = parameters.take("desde", moment);
        let until = parameters.take("hasta", moment);
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            parameters.fault("hasta", "debe ser posterior a «desde»");
        }
        Self {
            id: parameters.take("id", str::parse::<MessageId>),
            correlation: parameters.take("correlacion", short),
            source: parameters.take("origen", short),
            destination: parameters.take("destino", short),
            kind: parameters.take("tipo", short),
            state: parameters.take("estado", short),
            since,
            until,
            text: parameters.take("texto", searched),
        }
    }
}

/// Of what was not admitted any text is kept, as it came.
///
/// # Errors
/// How long it may be.
pub fn short(text: &str) -> Result<String, String> {
    let fits = text.len() <= MAX_SHORT_LENGTH && !text.contains('\0');
    fits.then(|| text.to_owned())
        .ok_or_else(|| format!("debe ser un texto de hasta {MAX_SHORT_LENGTH} bytes"))
}

fn searched(text: &str) -> Result<String, String> {
    let fits = (2..=MAX_TEXT_LENGTH).contains(&text.chars().count()) && !text.contains('\0');
    fits.then(|| text.to_owned())
        .ok_or_else(|| format!("debe tener de 2 a {MAX_TEXT_LENGTH} caracteres, y ningún NUL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pairs: &[(&str, &str)]) -> Result<Filter, Vec<String>> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let mut parameters = Parameters::new(pairs);
        let filter = Filter::take(&mut parameters);
        let faults = parameters
            .done()
            .map_err(|faults| faults.into_iter().map(|fault| fault.parameter).collect::<Vec<_>>());
        faults.map(|()| filter)
    }

    #[test]
    fn what_is_given_is_asked_and_nothing_else() {
        let filter = taken(&[("estado", "error"), ("desde", "2026-11-01T00:00:00Z")]);
        let since = "2026-11-01T00:00:00Z".parse().ok();
        let state = Some("error".to_owned());
        assert_eq!(filter, Ok(Filter { state, since, ..Filter::default() }));
        assert_eq!(taken(&[("id", ""), ("texto", "")]), Ok(Filter::default()));
    }

    #[test]
    fn bad_values_are_named() {
        let long = "x".repeat(256);
        for (name, value) in [
            ("id", "4711"),
            ("origen", &long),
            ("correlacion", "a\0b"),
            ("desde", "ayer"),
            ("desde", "2026-11-22T10:00:00 01:00"),
            ("texto", "a"),
            ("texto", "a\0b"),
            ("Estado", "error"),
        ] {
            assert_eq!(taken(&[(name, value)]), Err(vec![name.to_owned()]), "{value}");
        }
        let time = "2026-11-01T00:00:00Z";
        assert_eq!(taken(&[("desde", time), ("hasta", time)]), Err(vec!["hasta".to_owned()]));
    }
}
