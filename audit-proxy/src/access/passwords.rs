//! Passwords, hashed with argon2id: each takes its time and its memory, so that a few
//! are at work, some wait, and the rest are told to come back.
//!
//! Those of one network wait in a line of its own, and only the first of each line waits
//! for its turn at the work: however many come from one place, somebody elsewhere waits
//! for one of them at most.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::anyhow;
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Error, phc::PasswordHash},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use super::{
    AccountName, KNOWN, Password,
    attempts::{Attempts, Network},
};

/// Memory of one hash, in KiB, and passes over it: what OWASP's Password Storage Cheat
/// Sheet asks of argon2id at least, with one lane.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at work at once; together they take 38 MiB.
const AT_WORK: usize = 2;

/// Those of one network that work or wait, at most: as many as the door lets through at
/// once. The last of them waits about two seconds.
const MAX_IN_LINE: usize = 64;

/// Those that work or wait in all. From half of it on, a network has one: lines that are
/// long leave no room to nobody else.
const MAX_WAITING: usize = 1024;

/// When a caller may try again while too many wait.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Hashes and checks passwords. Clones share the limits.
#[derive(Clone)]
pub(crate) struct Passwords {
    at_work: Arc<Semaphore>,
    lines: Arc<Mutex<Lines>>,
    attempts: Arc<Mutex<Attempts>>,
}

/// Who waits, by network. Whoever is in a line holds it; one that nobody holds is gone.
#[derive(Default)]
struct Lines(HashMap<Network, Arc<Semaphore>>);

impl Lines {
    /// A place in the line of a network, unless there are too many.
    fn place(&mut self, from: Network) -> Option<Arc<Semaphore>> {
        self.0.retain(|_, line| Arc::strong_count(line) > 1);
        let held = |line: &Arc<Semaphore>| Arc::strong_count(line) - 1;
        let waiting: usize = self.0.values().map(held).sum();
        let room = match waiting {
            _ if waiting >= MAX_WAITING => 0,
            _ if waiting >= MAX_WAITING / 2 => 1,
            _ => MAX_IN_LINE,
        };
        let line = self.0.entry(from).or_insert_with(|| Arc::new(Semaphore::new(1)));
        (held(line) < room).then(|| line.clone())
    }
}

/// What became of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Checked {
    Right,
    Wrong,
}

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unchecked {
    /// This name was tried too often; again after this time.
    #[error("tried too often")]
    TooOften(Duration),
    /// Too many are being checked; again after this time.
    #[error("too many passwords wait to be hashed")]
    Busy(Duration),
    /// It cannot be done at all.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            at_work: Arc::new(Semaphore::new(AT_WORK)),
            lines: Arc::default(),
            attempts: Arc::default(),
        }
    }
}

impl Passwords {
    /// What is stored of a new password, which comes from this address.
    ///
    /// # Errors
    /// While too many others wait.
    pub(crate) async fn hash(&self, password: Password, from: IpAddr) -> Result<String, Unchecked> {
        self.at_work(from.into(), || Ok(()), move || hash(password.as_bytes())).await
    }

    /// Whether `given`, which comes from this address, is the password of `name`, of which
    /// `stored` is kept. Where there is no such account it takes the same time.
    ///
    /// # Errors
    /// When this name was tried too often from there, or too many others wait.
    pub(crate) async fn check(
        &self,
        name: &AccountName,
        from: IpAddr,
        given: String,
        stored: Option<String>,
    ) -> Result<Checked, Unchecked> {
        let from = Network::from(from);
        let take = || lock(&self.attempts).take(name, from, Instant::now());
        let work = move || check(given.as_bytes(), stored.as_deref());
        let checked = self.at_work(from, || take().map_err(Unchecked::TooOften), work).await?;
        if checked == Checked::Right {
            lock(&self.attempts).give_back(name, from);
        }
        Ok(checked)
    }

    /// Whether what is kept of a password is of the one that every laboratory had.
    ///
    /// # Errors
    /// While too many others wait.
    pub(crate) async fn is_known(&self, stored: String, from: IpAddr) -> Result<bool, Unchecked> {
        let work = move || Ok(verify(KNOWN.as_bytes(), &stored)? == Checked::Right);
        self.at_work(from.into(), || Ok(()), work).await
    }

    /// Does `work` beside the requests, where there is a place to wait and then `may`
    /// agrees: who is told that others wait has not lost an attempt.
    async fn at_work<T: Send + 'static>(
        &self,
        from: Network,
        may: impl FnOnce() -> Result<(), Unchecked>,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Unchecked> {
        let line = lock(&self.lines).place(from);
        let line = line.ok_or(Unchecked::Busy(RETRY_AFTER))?;
        may()?;
        let turn = self.turn(line).await?;
        // A caller that goes away does not end the work: it keeps its place until then.
        let done = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        Ok(done.await.map_err(anyhow::Error::from)??)
    }

    /// First in its line, then at the work: semaphores are fair.
    async fn turn(&self, line: Arc<Semaphore>) -> anyhow::Result<[OwnedSemaphorePermit; 2]> {
        let first = line.acquire_owned().await?;
        Ok([self.at_work.clone().acquire_owned().await?, first])
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|error| anyhow!("{error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8]) -> anyhow::Result<String> {
    let hash = argon2()?.hash_password(password);
    Ok(hash.map_err(|error| anyhow!("argon2: {error}"))?.to_string())
}

fn check(given: &[u8], stored: Option<&str>) -> anyhow::Result<Checked> {
    match stored.filter(|_| given != KNOWN.as_bytes()) {
        Some(stored) => verify(given, stored),
        None => hash(given).map(|_| Checked::Wrong),
    }
}

fn verify(given: &[u8], stored: &str) -> anyhow::Result<Checked> {
    let stored = PasswordHash::new(stored).map_err(|error| anyhow!("a stored hash: {error}"))?;
    match argon2()?.verify_password(given, &stored) {
        Ok(()) => Ok(Checked::Right),
        Err(Error::PasswordInvalid) => Ok(Checked::Wrong),
        Err(error) => Err(anyhow!("argon2: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use test_support::{PATIENCE, eventually};

    use super::*;

    fn name() -> AccountName {
        "ana".parse().expect("a name")
    }

    fn from(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    async fn check_from(passwords: &Passwords, from: IpAddr) -> Checked {
        let checked = passwords.check(&name(), from, "otra".to_owned(), None).await;
        checked.expect("checked")
    }

    async fn check(passwords: &Passwords, given: &str, stored: Option<&str>) -> Checked {
        let checked =
            passwords.check(&name(), from(1), given.to_owned(), stored.map(str::to_owned)).await;
        checked.expect("checked")
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right_and_nothing_of_it_is_kept() {
        let (passwords, text) = (Passwords::default(), "correcta: ñandú");
        let [one, two] =
            [(); 2].map(|()| passwords.hash(text.parse().expect("long enough"), from(1)));
        let (one, two) = (one.await.expect("hashed"), two.await.expect("hashed"));
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two, "each has a salt of its own");
        assert_eq!(check(&passwords, text, Some(&one)).await, Checked::Right);
        assert_eq!(check(&passwords, "correcta: nandu", Some(&one)).await, Checked::Wrong);
        assert_eq!(check(&passwords, text, None).await, Checked::Wrong);
    }

    #[tokio::test]
    async fn without_an_account_it_takes_as_long() {
        let passwords = Passwords::default();
        let stored = passwords.hash("una clave larga".parse().expect("long enough"), from(1)).await;
        let stored = stored.expect("hashed");
        let (mut with, mut without) = (Duration::MAX, Duration::MAX);
        for _ in 0..5 {
            for (shortest, stored) in [(&mut with, Some(stored.as_str())), (&mut without, None)] {
                let begun = Instant::now();
                check(&passwords, "otra clave larga", stored).await;
                *shortest = begun.elapsed().min(*shortest);
            }
        }
        assert!(without * 2 > with && with * 2 > without, "{with:?}, {without:?}");
    }

    #[tokio::test]
    async fn what_is_no_hash_is_neither_right_nor_wrong() {
        let checked = Passwords::default();
        let checked = checked.check(&name(), from(1), String::new(), Some("x".into())).await;
        assert!(matches!(checked, Err(Unchecked::Failed(_))), "{checked:?}");
    }

    /// Work that goes on until it is told to end, and how much of it there is at once.
    #[derive(Clone)]
    struct Work {
        at_once: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        ends: Arc<Mutex<mpsc::Receiver<()>>>,
    }

    impl Work {
        fn new() -> (Self, mpsc::Sender<()>) {
            let (ended, ends) = mpsc::channel();
            let (at_once, most) = (Arc::default(), Arc::default());
            (Self { at_once, most, ends: Arc::new(Mutex::new(ends)) }, ended)
        }

        async fn of(&self, passwords: &Passwords, from: IpAddr) -> Result<(), Unchecked> {
            let Self { at_once, most, ends } = self.clone();
            let work = move || {
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                lock(&ends).recv()?;
                at_once.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            };
            passwords.at_work(from.into(), || Ok(()), work).await
        }

        async fn becomes(&self, count: usize) {
            eventually("so many are at work", || async {
                let now = self.at_once.load(Ordering::SeqCst);
                if now == count { Ok(()) } else { Err(now.to_string()) }
            })
            .await;
        }
    }

    #[tokio::test]
    async fn few_are_hashed_at_once_some_wait_and_the_rest_come_back() {
        let passwords = Passwords::default();
        let (work, ended) = Work::new();
        let all = (0..2 * (MAX_IN_LINE + 9)).map(|index| {
            let network = u8::try_from(index % 2).expect("0 or 1");
            work.of(&passwords, from(network))
        });
        let release = async {
            work.becomes(2).await;
            for _ in 0..2 * MAX_IN_LINE {
                ended.send(()).expect("somebody listens");
            }
        };
        let (all, ()) = tokio::join!(futures_util::future::join_all(all), release);
        let (done, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (2 * MAX_IN_LINE, 18));
        assert!(refused.iter().all(|one| matches!(one, Err(Unchecked::Busy(_)))), "{refused:?}");
        assert_eq!(work.most.load(Ordering::SeqCst), 2);
        assert!(check(&passwords, "otra", None).await == Checked::Wrong, "there is room again");
    }

    #[tokio::test]
    async fn those_of_one_network_leave_a_place_to_somebody_elsewhere() {
        let passwords = Passwords::default();
        let (work, ended) = Work::new();
        let many = futures_util::future::join_all((0..60).map(|_| work.of(&passwords, from(1))));
        let one = async {
            work.becomes(1).await;
            let checked = tokio::time::timeout(PATIENCE, check_from(&passwords, from(2))).await;
            for _ in 0..60 {
                ended.send(()).expect("somebody listens");
            }
            checked
        };
        let (many, checked) = tokio::join!(many, one);
        assert_eq!(checked, Ok(Checked::Wrong), "while the others had not even begun to end");
        assert!(many.iter().all(Result::is_ok), "{many:?}");
    }

    #[test]
    fn long_lines_leave_room_to_others_and_all_of_them_are_bounded() {
        let (mut lines, mut held) = (Lines::default(), Vec::new());
        let mut wait = |index: usize, lines: &mut Lines| {
            let address = u32::try_from(index).expect("small").to_be_bytes();
            let place = lines.place(IpAddr::from(address).into());
            let has_place = place.is_some();
            held.extend(place);
            has_place
        };
        for network in 0..MAX_WAITING / 2 / MAX_IN_LINE {
            assert!((0..MAX_IN_LINE).all(|_| wait(network, &mut lines)));
        }
        assert!(!wait(0, &mut lines), "its line is long");
        assert!((1000..1000 + MAX_WAITING / 2).all(|network| wait(network, &mut lines)));
        assert!(!wait(1000, &mut lines), "it waits already");
        assert!(!wait(9999, &mut lines), "there is no room for anybody");
        held.clear();
        assert!(lines.place(from(1).into()).is_some());
        assert_eq!(lines.0.len(), 1, "what nobody holds is forgotten");
    }
}
