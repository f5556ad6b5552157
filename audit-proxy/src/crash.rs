//! An end of the process on purpose, at a chosen point of a message's way: for a class
//! that wants to see that nothing is lost, and for the proof that nothing is.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Exit code of a process that ends on purpose (`EX_SOFTWARE`, sysexits.h).
const CODE: i32 = 70;

/// Where the process ends; in the order in which a message comes there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[repr(u8)]
pub enum Point {
    /// A batch was received, and nothing of it is stored.
    #[serde(rename = "recibido")]
    Received = 1,
    /// There are copies of the batch; nothing is forwarded.
    #[serde(rename = "guardado")]
    Stored,
    /// The batch is published, and the broker has confirmed one of it.
    #[serde(rename = "publicado")]
    Published,
    /// The broker has confirmed all of the batch; that is not written down.
    #[serde(rename = "confirmado")]
    Confirmed,
    /// The new states are written down; nothing is acknowledged.
    #[serde(rename = "anotado")]
    Written,
    /// A batch is acknowledged, and another one was received.
    #[serde(rename = "acusado")]
    Acked,
    /// What destinations told is stored, and not acknowledged.
    #[serde(rename = "notificado")]
    Notified,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Received,
        Self::Stored,
        Self::Published,
        Self::Confirmed,
        Self::Written,
        Self::Acked,
        Self::Notified,
    ];
}

/// The switch. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Crash(Arc<AtomicU8>);

impl Crash {
    /// From now on the process ends at `point`; with `None` it goes on.
    pub(crate) fn set(&self, point: Option<Point>) {
        log::warn!("fault on purpose: the process ends at {point:?}");
        self.0.store(point.map_or(0, |point| point as u8), Ordering::SeqCst);
    }

    /// Where it ends.
    pub(crate) fn get(&self) -> Option<Point> {
        let set = self.0.load(Ordering::SeqCst);
        Point::ALL.into_iter().find(|point| *point as u8 == set)
    }

    /// Ends the process if it has come to the point where it is to: nothing is tidied up.
    pub(crate) fn at(&self, point: Point) {
        if self.get() == Some(point) {
            log::error!("this process ends by a mistake made on purpose, at {point:?}");
            process::exit(CODE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_that_is_set_is_told_until_it_is_taken_back() {
        let crash = Crash::default();
        assert_eq!(crash.get(), None);
        for point in Point::ALL {
            crash.clone().set(Some(point));
            assert_eq!(crash.get(), Some(point));
        }
        crash.set(None);
        assert_eq!(crash.get(), None);
    }
}
