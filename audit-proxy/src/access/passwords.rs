//! Passwords, hashed with argon2id: each takes its time and its memory, so that a few
//! are at work, some wait, and the rest are told to come back.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::anyhow;
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Error, phc::PasswordHash},
};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{AccountName, KNOWN, Password, attempts::Attempts};

/// Memory of one hash, in KiB, and passes over it: what OWASP's Password Storage Cheat
/// Sheet asks of argon2id at least, with one lane.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at work at once; together they take 38 MiB.
const AT_WORK: usize = 2;

/// Those that work or wait, at most: the last of them waits about a second.
const MAX_WAITING: usize = 32;

/// When a caller may try again while too many wait.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Hashes and checks passwords. Clones share the limits.
#[derive(Clone)]
pub(crate) struct Passwords {
    at_work: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    attempts: Arc<Mutex<Attempts>>,
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
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            attempts: Arc::default(),
        }
    }
}

impl Passwords {
    /// What is stored of a new password.
    ///
    /// # Errors
    /// While too many others wait.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Unchecked> {
        self.at_work(move || hash(password.as_bytes())).await
    }

    /// Whether `given` is the password of `name`, of which `stored` is kept. Where there
    /// is no such account it takes the same time.
    ///
    /// # Errors
    /// When this name was tried too often, or too many others wait.
    pub(crate) async fn check(
        &self,
        name: &AccountName,
        given: String,
        stored: Option<String>,
    ) -> Result<Checked, Unchecked> {
        let attempts = self.attempts.clone();
        let taken = name.clone();
        let checked = self
            .at_work_if(
                move || lock(&attempts).take(&taken, Instant::now()).map_err(Unchecked::TooOften),
                move || check(given.as_bytes(), stored.as_deref()),
            )
            .await?;
        if checked == Checked::Right {
            lock(&self.attempts).give_back(name);
        }
        Ok(checked)
    }

    /// Whether what is kept of a password is of the one that every laboratory had.
    ///
    /// # Errors
    /// While too many others wait.
    pub(crate) async fn is_known(&self, stored: String) -> Result<bool, Unchecked> {
        self.at_work(move || Ok(verify(KNOWN.as_bytes(), &stored)? == Checked::Right)).await
    }

    async fn at_work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Unchecked> {
        self.at_work_if(|| Ok(()), work).await
    }

    /// Does `work` beside the requests, where there is a place to wait and then `may`
    /// agrees: who is told that others wait has not lost an attempt.
    async fn at_work_if<T: Send + 'static>(
        &self,
        may: impl FnOnce() -> Result<(), Unchecked>,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Unchecked> {
        let place = self.waiting.clone().try_acquire_owned();
        let place = place.map_err(|_| Unchecked::Busy(RETRY_AFTER))?;
        may()?;
        let turn = self.at_work.clone().acquire_owned().await.map_err(anyhow::Error::from)?;
        // A caller that goes away does not end the work: it keeps its place until then.
        let done = spawn_blocking(move || {
            let done = work();
            drop((turn, place));
            done
        });
        Ok(done.await.map_err(anyhow::Error::from)??)
    }
}

fn lock(attempts: &Mutex<Attempts>) -> std::sync::MutexGuard<'_, Attempts> {
    attempts.lock().unwrap_or_else(PoisonError::into_inner)
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

    use test_support::eventually;

    use super::*;

    fn name() -> AccountName {
        "ana".parse().expect("a name")
    }

    async fn check(passwords: &Passwords, given: &str, stored: Option<&str>) -> Checked {
        let checked = passwords.check(&name(), given.to_owned(), stored.map(str::to_owned)).await;
        checked.expect("checked")
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right_and_nothing_of_it_is_kept() {
        let (passwords, text) = (Passwords::default(), "correcta: ñandú");
        let [one, two] = [(); 2].map(|()| passwords.hash(text.parse().expect("long enough")));
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
        let stored = passwords.hash("una clave larga".parse().expect("long enough")).await;
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
        let checked = Passwords::default().check(&name(), String::new(), Some("x".into())).await;
        assert!(matches!(checked, Err(Unchecked::Failed(_))), "{checked:?}");
    }

    #[tokio::test]
    async fn few_are_hashed_at_once_some_wait_and_the_rest_come_back() {
        let (passwords, at_once) = (Passwords::default(), Arc::new(AtomicUsize::new(0)));
        let (most, (ended, ends)) = (Arc::new(AtomicUsize::new(0)), mpsc::channel::<()>());
        let ends = Arc::new(Mutex::new(ends));
        let work = || {
            let (at_once, most, ends) = (at_once.clone(), most.clone(), ends.clone());
            passwords.at_work(move || {
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                ends.lock().expect("no panic").recv()?;
                at_once.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        };
        let all = futures_util::future::join_all((0..MAX_WAITING + 9).map(|_| work()));
        let release = async {
            eventually("two are at work", || async {
                let count = at_once.load(Ordering::SeqCst);
                if count >= 2 { Ok(()) } else { Err(count.to_string()) }
            })
            .await;
            for _ in 0..MAX_WAITING {
                ended.send(()).expect("somebody listens");
            }
        };
        let (all, ()) = tokio::join!(all, release);
        let (done, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (MAX_WAITING, 9));
        assert!(refused.iter().all(|one| matches!(one, Err(Unchecked::Busy(_)))), "{refused:?}");
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert!(check(&passwords, "otra", None).await == Checked::Wrong, "there is room again");
    }
}
