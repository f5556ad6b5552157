//! What grows, and in which steps: measurements that differ in one number alone.

/// Measurements, by what that number is in each: from the smallest on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series {
    /// The file's name of its drawing, without an extension.
    pub(crate) file: &'static str,
    /// What the drawing shows, and what grows along it.
    pub(crate) title: &'static str,
    pub(crate) axis: &'static str,
    pub(crate) points: &'static [(&'static str, u64)],
}

/// Clients of a backlog that is counted.
pub(crate) const CLIENTS: Series = Series {
    file: "bench-clients",
    title: "What an event costs, by clients counted",
    axis: "clients",
    points: &[
        ("clientes-1e3", 1_000),
        ("clientes-1e4", 10_000),
        ("clientes-1e5", 100_000),
        ("clientes-1e6", 1_000_000),
    ],
};

/// Ids that analytics remembers when a backlog comes.
pub(crate) const IDS: Series = Series {
    file: "bench-ids",
    title: "What an event costs, by ids remembered",
    axis: "ids remembered",
    points: &[("ids-0", 0), ("ids-1e5", 100_000), ("ids-1e6", 1_000_000), ("ids-1e7", 10_000_000)],
};

/// Senders, each with users of its own.
pub(crate) const SENDERS: Series = Series {
    file: "bench-senders",
    title: "What an event costs, by senders with 64 connections each",
    axis: "senders",
    points: &[("emisores-1", 1), ("emisores-2", 2), ("emisores-4", 4), ("emisores-8", 8)],
};

pub(crate) const ALL: [&Series; 3] = [&CLIENTS, &IDS, &SENDERS];

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::bench::measure;

    #[test]
    fn every_point_is_measured_its_name_says_its_number_and_they_grow() {
        for series in ALL {
            assert!(series.points.windows(2).all(|two| two[0].1 < two[1].1), "{series:?}");
            for (name, number) in series.points {
                let (_, told) = name.split_once('-').unwrap();
                assert_eq!(told.parse::<f64>().unwrap().to_string(), number.to_string(), "{name}");
                assert!(measure::ALL.iter().any(|one| one.name == *name), "{name}");
            }
        }
    }
}
