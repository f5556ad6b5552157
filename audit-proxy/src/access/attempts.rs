//! How often a password may be tried. Pure.
//!
//! From each network a name has a number of attempts at once, and gets one back every so
//! often: trying is slow, and no account is ever shut for good, nor for anybody else than
//! who tried. A good password gives all of them back. Names that are no accounts count as
//! well, or the limit would tell which are.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use super::AccountName;
use crate::turns::{Pace, Turns};

/// Attempts that a name has at once: as many of its people log in at the same moment.
pub(crate) const AT_ONCE: u32 = 20;

/// How often a name gets an attempt back: 2,880 a day at most.
pub(crate) const EVERY: Duration = Duration::from_secs(30);

/// Names, each from a network, that are remembered at most, some 150 bytes each. An attempt
/// is remembered for [`EVERY`], and in that time two processors hash fewer passwords than
/// that: who tries many names fills it for nobody.
const MAX_KNOWN: usize = 10_000;

/// Whom one person can be taken for: an address of IPv4, or the first half of one of IPv6,
/// as each connection has all the rest to itself (RFC 6177).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let prefix = address.to_bits() & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from_bits(prefix)))
            }
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

/// The attempts of late. A name that is not here has all of its attempts.
#[derive(Default)]
pub(super) struct Attempts(Turns<(AccountName, Network)>);

impl Attempts {
    /// Takes an attempt at the password of `name`.
    ///
    /// # Errors
    /// How long until there is one: it has none now, or others fill the memory.
    pub(super) fn take(
        &mut self,
        name: &AccountName,
        from: Network,
        now: Instant,
    ) -> Result<(), Duration> {
        const PACE: Pace = Pace { at_once: AT_ONCE, every: EVERY, max_known: MAX_KNOWN };
        self.0.take((name.clone(), from), now, &PACE)
    }

    /// Gives all attempts back: somebody there knows the password.
    pub(super) fn give_back(&mut self, name: &AccountName, from: Network) {
        self.0.give_back(&(name.clone(), from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> AccountName {
        text.parse().expect("a name")
    }

    fn network(text: &str) -> Network {
        text.parse::<IpAddr>().expect("an address").into()
    }

    fn here() -> Network {
        network("192.0.2.1")
    }

    /// With no attempt left from here at the returned moment.
    fn exhausted(name: &AccountName) -> (Attempts, Instant) {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..AT_ONCE {
            attempts.take(name, here(), now).expect("one is left");
        }
        (attempts, now)
    }

    #[test]
    fn after_so_many_attempts_one_comes_back_at_a_time() {
        let (mut attempts, now) = exhausted(&name("ana"));
        assert_eq!(attempts.take(&name("ana"), here(), now), Err(EVERY));
        let later = now + Duration::from_secs(29);
        assert_eq!(attempts.take(&name("ana"), here(), later), Err(Duration::from_secs(1)));
        let later = now + EVERY;
        assert_eq!(attempts.take(&name("ana"), here(), later), Ok(()));
        assert_eq!(attempts.take(&name("ana"), here(), later), Err(EVERY));
    }

    #[test]
    fn being_refused_does_not_make_it_longer() {
        let (mut attempts, now) = exhausted(&name("ana"));
        for _ in 0..1000 {
            assert_eq!(attempts.take(&name("ana"), here(), now), Err(EVERY));
        }
        assert_eq!(attempts.take(&name("ana"), here(), now + EVERY), Ok(()));
    }

    #[test]
    fn others_are_not_concerned_and_a_good_password_ends_it() {
        let (mut attempts, now) = exhausted(&name("ana"));
        assert_eq!(attempts.take(&name("luis"), here(), now), Ok(()));
        assert_eq!(attempts.take(&name("ana"), network("192.0.2.2"), now), Ok(()));
        attempts.give_back(&name("ana"), network("192.0.2.2"));
        assert_eq!(attempts.take(&name("ana"), here(), now), Err(EVERY));
        attempts.give_back(&name("ana"), here());
        assert_eq!(attempts.take(&name("ana"), here(), now), Ok(()));
    }

    #[test]
    fn the_addresses_that_one_connection_has_are_one_network() {
        for (one, other, is_same) in [
            ("2001:db8::1", "2001:db8::ffff:0:0:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            assert_eq!(network(one) == network(other), is_same, "{one} {other}");
        }
    }

    #[test]
    fn any_number_of_names_takes_a_bounded_memory_and_frees_it_again() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for index in 0..MAX_KNOWN {
            attempts.take(&name(&format!("n{index}")), here(), now).expect("room");
        }
        assert_eq!(attempts.take(&name("ana"), here(), now), Err(EVERY));
        assert_eq!(attempts.take(&name("n0"), here(), now), Ok(()), "it is known");
        assert_eq!(attempts.take(&name("ana"), here(), now + EVERY), Ok(()));
        assert_eq!(attempts.0.len(), 2, "those with all of their attempts are forgotten");
    }
}
