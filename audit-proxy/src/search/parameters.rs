//! Parameters by name: each is read once, and whatever is wrong is told at once.

use std::{collections::BTreeMap, fmt::Display};

/// What is wrong with a parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Its name, as given.
    pub parameter: String,
    /// What is wrong, in Spanish.
    pub what: String,
}

/// What a caller gave, and what was wrong with it so far.
#[derive(Debug)]
pub struct Parameters {
    left: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Parameters {
    /// An empty value counts as not given: forms send all their fields.
    #[must_use]
    pub fn new(given: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut parameters = Self { left: BTreeMap::new(), faults: Vec::new() };
        for (name, value) in given {
            if parameters.left.contains_key(&name) {
                parameters.fault(&name, "se ha dado dos veces");
            }
            parameters.left.insert(name, value);
        }
        parameters
    }

    /// The value of a parameter, if it is given and can be read.
    pub fn take<T, E: Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.left.remove(name).filter(|value| !value.is_empty())?;
        match read(&value) {
            Ok(value) => Some(value),
            Err(what) => {
                self.fault(name, what);
                None
            }
        }
    }

    /// Says that something is wrong with a parameter.
    pub fn fault(&mut self, parameter: &str, what: impl Display) {
        let (parameter, what) = (parameter.to_owned(), what.to_string());
        self.faults.push(Fault { parameter, what });
    }

    /// Call when all that there is has been taken.
    ///
    /// # Errors
    /// Whatever was wrong, and parameters that nobody took.
    pub fn done(mut self) -> Result<(), Vec<Fault>> {
        for name in std::mem::take(&mut self.left).into_keys() {
            self.fault(&name, "no es un parámetro de esta consulta");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }
}

/// A whole number within limits.
///
/// # Errors
/// What would be one.
pub fn whole(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("debe ser un número entero entre {least} y {most}"))
}

/// `si` or `no`.
///
/// # Errors
/// What it may be.
pub fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match text {
        "si" => Ok(true),
        "no" => Ok(false),
        _ => Err("debe ser «si» o «no»"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Parameters {
        Parameters::new(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
    }

    #[test]
    fn whatever_is_wrong_is_told_at_once() {
        let mut parameters = given(&[("limite", "0"), ("x", "1"), ("y", "2"), ("y", "3")]);
        assert_eq!(parameters.take("limite", |text| whole(text, 1, 9)), None);
        assert_eq!(parameters.take("y", str::parse::<u8>), Some(3));
        let faults = parameters.done().expect_err("wrong");
        let told: Vec<_> =
            faults.iter().map(|fault| (fault.parameter.as_str(), fault.what.as_str())).collect();
        assert_eq!(
            told,
            [
                ("y", "se ha dado dos veces"),
                ("limite", "debe ser un número entero entre 1 y 9"),
                ("x", "no es un parámetro de esta consulta"),
            ]
        );
    }

    #[test]
    fn what_is_empty_is_not_given() {
        let mut parameters = given(&[("limite", "")]);
        assert_eq!(parameters.take("limite", |text| whole(text, 1, 9)), None);
        assert_eq!(parameters.done(), Ok(()));
    }
}
