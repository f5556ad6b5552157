//! A count that a restart of whoever counts does not set back.

/// The sum of a counter's growth through any number of restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Growth {
    process: Option<String>,
    last: u64,
    sum: u64,
}

impl Growth {
    /// What is known once the run `process` says `value`. What was there when it
    /// was first seen is no growth; another run than the last counts from zero.
    /// What the last run counted between its last answer and its end is not
    /// known, and not in the sum.
    pub fn see(&mut self, process: &str, value: u64) {
        let is_same = self.process.as_deref() == Some(process);
        let grown = match &self.process {
            None => 0,
            Some(_) if is_same => value.saturating_sub(self.last),
            Some(_) => value,
        };
        self.sum = self.sum.saturating_add(grown);
        self.last = value;
        if !is_same {
            self.process = Some(process.to_owned());
        }
    }

    /// The sum.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_through_restarts() {
        let mut growth = Growth::default();
        for (process, value, sum) in
            [("a", 5, 0), ("a", 7, 2), ("b", 2, 4), ("b", 2, 4), ("c", 0, 4), ("c", 4, 8)]
        {
            growth.see(process, value);
            assert_eq!(growth.sum(), sum, "{process} {value}");
        }
    }
}
