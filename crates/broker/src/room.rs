//! How many messages a consumer lets the broker hand over. Pure.
//!
//! The broker counts messages, and who holds them has to find room for their bytes: where
//! these are bounded, the number follows from how large messages have been of late.

use crate::Incoming;

/// Messages the broker hands over before it wants acknowledgements. More than
/// a thousand gained nothing.
pub const PREFETCH: u16 = 1000;

/// The same while nobody knows how large they are, and that matters.
const FIRST: u16 = 32;

/// The same where room is counted in bytes, and they are small: a tenth more of them were
/// carried on in a second than with a thousand, as more may be on their way.
const MOST: u16 = 4000;

/// Room for messages that are not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// About so many bytes of payloads and headers; none where it does not matter.
    bytes: Option<usize>,
    prefetch: u16,
}

impl Room {
    pub(crate) fn of(bytes: Option<usize>) -> Self {
        Self { bytes, prefetch: if bytes.is_some() { FIRST } else { PREFETCH } }
    }

    /// Messages that it is for.
    pub(crate) fn prefetch(&self) -> u16 {
        self.prefetch
    }

    /// Looks at messages that came; whether the room is for another number from now on.
    /// Unless that is twice as many, or half, it stays.
    pub(crate) fn adapts_to(&mut self, batch: &[Incoming]) -> bool {
        let Some(bytes) = self.bytes else { return false };
        let held =
            batch.iter().map(|message| message.body.len() + message.properties().held_bytes());
        let Some(mean) = held.sum::<usize>().checked_div(batch.len()) else { return false };
        let fitting = u16::try_from(bytes / mean.max(1)).unwrap_or(MOST).clamp(1, MOST);
        let adapts = fitting >= self.prefetch.saturating_mul(2) || fitting <= self.prefetch / 2;
        if adapts {
            self.prefetch = fitting;
        }
        adapts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Properties;

    fn batch(sizes: &[usize]) -> Vec<Incoming> {
        sizes.iter().map(|size| Incoming::new(None, None, vec![0; *size])).collect()
    }

    #[test]
    fn headers_take_room_as_payloads_do() {
        let mut room = Room::of(Some(1 << 20));
        let entries = [&b"\x01aS\0\0\xff\xff"[..], &vec![0; 0xffff]].concat();
        let octets = [&[0x20, 0, 0, 1, 0, 6][..], &entries].concat();
        let properties = Properties::decode(&octets).expect("headers");
        assert!(room.adapts_to(&[Incoming::with(properties, Vec::new())]));
        assert_eq!(room.prefetch(), 7);
    }

    #[test]
    fn without_a_limit_it_is_always_the_same() {
        let mut room = Room::of(None);
        assert!(!room.adapts_to(&batch(&[1 << 20])));
        assert_eq!(room.prefetch(), PREFETCH);
    }

    #[test]
    fn it_follows_the_size_of_messages() {
        let mut room = Room::of(Some(1 << 20));
        assert_eq!(room.prefetch(), FIRST);
        assert!(room.adapts_to(&batch(&[0, 0])));
        assert_eq!(room.prefetch(), MOST);
        assert!(!room.adapts_to(&batch(&[200, 200])));
        assert!(!room.adapts_to(&batch(&[])));
        assert!(room.adapts_to(&batch(&[1 << 17, 1 << 19])));
        assert_eq!(room.prefetch(), 3);
        assert!(room.adapts_to(&batch(&[1 << 24])));
        assert_eq!(room.prefetch(), 1, "never none");
        assert!(!room.adapts_to(&batch(&[1 << 24])));
        assert!(!room.adapts_to(&batch(&[1 << 20])), "not twice as many");
    }
}
