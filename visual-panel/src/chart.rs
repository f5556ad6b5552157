//! From counts to the geometry of horizontal bars, in integers only: a bar of
//! 18 trillion is as exact as one of 3.

use std::fmt;

/// The shortest bar of a count that is not zero: one must be able to see it.
const SHORTEST: Length = Length(60);

/// Length of a bar in hundredths of a percent of the room there is; shows as
/// `62.5%`, which an SVG attribute takes as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(u16);

/// All the room there is.
const FULL: Length = Length(10_000);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}%", self.0 / 100, self.0 % 100)
    }
}

/// Length of the bar of `count` where the longest bar stands for `most`.
#[must_use]
pub fn length(count: u64, most: u64) -> Length {
    if count == 0 {
        return Length(0);
    }
    parts(count, most, FULL.0).map_or(FULL, |parts| Length(parts).clamp(SHORTEST, FULL))
}

/// `part` of `whole` in words, as whole percent.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    match parts(part, whole, 100) {
        Some(0) if part > 0 => "<\u{202f}1\u{202f}%".to_owned(),
        Some(100) if part < whole => ">\u{202f}99\u{202f}%".to_owned(),
        Some(percent) => format!("{percent}\u{202f}%"),
        None => String::new(),
    }
}

/// `part / whole`, in `unit` parts, rounded; none where it makes no sense.
fn parts(part: u64, whole: u64, unit: u16) -> Option<u16> {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let rounded = (part * u128::from(unit) + whole / 2).checked_div(whole)?;
    u16::try_from(rounded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_proportional_to_the_longest() {
        assert_eq!(length(50, 200).to_string(), "25.00%");
        assert_eq!(length(1, 3).to_string(), "33.33%");
        assert_eq!(length(200, 200).to_string(), "100.00%");
        assert_eq!(length(u64::MAX / 2, u64::MAX).to_string(), "50.00%");
    }

    #[test]
    fn zero_has_no_bar_and_one_in_a_billion_still_a_visible_one() {
        assert_eq!(length(0, 10).to_string(), "0.00%");
        assert_eq!(length(0, 0).to_string(), "0.00%");
        assert_eq!(length(1, 1_000_000_000), SHORTEST);
    }

    #[test]
    fn no_bar_leaves_the_picture() {
        assert_eq!(length(9, 0), FULL);
        assert_eq!(length(u64::MAX, 1), FULL);
    }

    #[test]
    fn shares_are_rounded_but_never_to_nothing_or_all() {
        let plain = |part, whole| share(part, whole).replace('\u{202f}', " ");
        assert_eq!(plain(1, 3), "33 %");
        assert_eq!(plain(2, 3), "67 %");
        assert_eq!(plain(1, 1000), "< 1 %");
        assert_eq!(plain(999, 1000), "> 99 %");
        assert_eq!(plain(5, 5), "100 %");
        assert_eq!(plain(0, 5), "0 %");
        assert_eq!(plain(0, 0), "");
    }
}
