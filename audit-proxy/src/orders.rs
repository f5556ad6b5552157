//! What the broker lacks of the register's users, and has too many. Pure: the register
//! and what was seen of the broker in, steps out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use management::{Limits, PasswordHash, Queue, Rights};
use messages::{SystemName, names};

use crate::{
    register::{LIMITS, Standing, rights},
    store::{Credential, Phase, Registered},
};

/// How long making a user may take, at the very most.
const MAKING_TAKES: SignedDuration = SignedDuration::from_mins(1);

/// What there is on the broker. To be looked at before the register is read: then
/// whatever the register made is in the register.
#[derive(Clone, Default, Debug)]
pub(crate) struct Seen {
    /// All users, whichever virtual host is theirs.
    pub(crate) users: BTreeSet<String>,
    /// Their rights in ours.
    pub(crate) rights: BTreeMap<String, Rights>,
    /// How much they may have open at once.
    pub(crate) limits: BTreeMap<String, Limits>,
    /// The mailboxes in ours.
    pub(crate) mailboxes: BTreeMap<String, Queue>,
}

/// What is to be done on the broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Remove a user and its connections; then it is gone. Where the register did not
    /// make it, only the register is told.
    ShutOut {
        /// Its name.
        user: String,
        /// Whether the register made it.
        is_ours: bool,
    },
    /// Forget a user whose making was not finished, and remove it if it has this hash.
    Forget(String, PasswordHash),
    /// Remove a user that was gone, if it has this hash.
    Expel(String, PasswordHash),
    /// Make a user that is missing.
    Make(String, PasswordHash),
    /// Give a user its rights.
    Permit(String, Rights),
    /// Limit how much a user has open at once.
    Limit(String, Limits),
    /// Close a user's connections: it may read no more, and an open channel does not
    /// know.
    Close(String),
}

/// What is to be done for one system, in this order.
pub(crate) fn steps(system: &Registered, seen: &Seen, now: Timestamp) -> Vec<Step> {
    system.credentials.iter().flat_map(|user| of_user(system, user, seen, now)).collect()
}

fn of_user(system: &Registered, user: &Credential, seen: &Seen, now: Timestamp) -> Vec<Step> {
    let name = user.user.clone();
    let Some(hash) = user.hash.clone() else {
        let is_leaving = user.phase == Phase::Leaving;
        return is_leaving
            .then_some(Step::ShutOut { user: name, is_ours: false })
            .into_iter()
            .collect();
    };
    match user.phase {
        Phase::Leaving => vec![Step::ShutOut { user: name, is_ours: true }],
        Phase::Making if now.duration_since(user.created) > MAKING_TAKES => {
            vec![Step::Forget(name, hash)]
        }
        Phase::Gone if seen.users.contains(&name) => vec![Step::Expel(name, hash)],
        Phase::Making | Phase::Gone => Vec::new(),
        Phase::Made => of_made(system, name, hash, seen),
    }
}

fn of_made(system: &Registered, name: String, hash: PasswordHash, seen: &Seen) -> Vec<Step> {
    let mut steps = Vec::new();
    let wanted = rights(&system.name, system.profile.standing);
    if !seen.users.contains(&name) {
        steps.push(Step::Make(name.clone(), hash));
    }
    if seen.limits.get(&name) != Some(&LIMITS) {
        steps.push(Step::Limit(name.clone(), LIMITS));
    }
    let is_permitted = seen.rights.get(&name) == Some(&wanted);
    if !is_permitted {
        steps.push(Step::Permit(name.clone(), wanted));
    }
    let reads = !is_permitted || is_read(&system.name, seen);
    if system.profile.standing == Standing::Suspended && reads {
        steps.push(Step::Close(name));
    }
    steps
}

fn is_read(system: &SystemName, seen: &Seen) -> bool {
    let mailbox = seen.mailboxes.get(&names::mailbox(system));
    mailbox.and_then(|queue| queue.numbers).is_some_and(|numbers| numbers.consumers > 0)
}

/// What people should look at, for nobody else knows what to do about it.
pub(crate) fn oddities(systems: &[Registered], seen: &Seen) -> BTreeSet<String> {
    let mailboxes: BTreeSet<_> = systems.iter().map(|one| names::mailbox(&one.name)).collect();
    let missing = systems
        .iter()
        .filter(|system| system.profile.standing != Standing::Retired)
        .map(|system| names::mailbox(&system.name))
        .filter(|mailbox| !seen.mailboxes.contains_key(mailbox))
        .map(|mailbox| format!("the queue {mailbox} is missing: what is for it waits"));
    let foreign = seen.mailboxes.keys().filter(|queue| !mailboxes.contains(*queue));
    let foreign = foreign.map(|queue| format!("the queue {queue} is of no system"));
    let known = systems.iter().flat_map(|one| &one.credentials);
    let known: BTreeSet<_> = known.map(|credential| credential.user.as_str()).collect();
    let strangers = seen.users.iter().filter(|user| {
        !known.contains(user.as_str()) && systems.iter().any(|one| looks_like(user, &one.name))
    });
    let strangers = strangers.map(|user| format!("the user {user} looks like one of ours"));
    missing.chain(foreign).chain(strangers).collect()
}

fn looks_like(user: &str, system: &SystemName) -> bool {
    let number = user.strip_prefix(system.as_str()).and_then(|rest| rest.strip_prefix('-'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use management::{Numbers, Password};

    use super::*;
    use crate::store::Profile;

    fn hash() -> PasswordHash {
        PasswordHash::new(&Password::new("clave"), [0; 4])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn system(standing: Standing, phase: Phase) -> Registered {
        let user = "redmine-1".to_owned();
        let credential = Credential { user, created: at(0), phase, hash: Some(hash()) };
        Registered {
            name: "redmine".parse().expect("a name"),
            profile: Profile { standing, description: String::new(), states: Vec::new() },
            created: at(0),
            credentials: vec![credential],
        }
    }

    fn user() -> String {
        "redmine-1".to_owned()
    }

    /// A broker that has this system's user with these rights, and its mailbox.
    fn seen(standing: Standing, consumers: u64) -> Seen {
        let rights = rights(&"redmine".parse().expect("a name"), standing);
        let numbers = Numbers { ready: 0, unacknowledged: 0, total: 0, consumers };
        let queue = Queue { state: None, numbers: Some(numbers) };
        Seen {
            users: BTreeSet::from([user()]),
            rights: BTreeMap::from([(user(), rights)]),
            limits: BTreeMap::from([(user(), LIMITS)]),
            mailboxes: BTreeMap::from([("buzon_redmine".to_owned(), queue)]),
        }
    }

    #[test]
    fn where_all_is_as_it_should_be_nothing_is_done() {
        for standing in [Standing::Active, Standing::Suspended] {
            let system = system(standing, Phase::Made);
            assert_eq!(steps(&system, &seen(standing, 0), at(9)), []);
            assert_eq!(oddities(&[system], &seen(standing, 0)), BTreeSet::new());
        }
        assert_eq!(steps(&system(Standing::Retired, Phase::Gone), &Seen::default(), at(9)), []);
    }

    #[test]
    fn a_user_that_is_missing_is_made_and_permitted_again() {
        let system = system(Standing::Active, Phase::Made);
        let rights = rights(&system.name, Standing::Active);
        let permit = Step::Permit(user(), rights);
        let limit = Step::Limit(user(), LIMITS);
        let wanted = [Step::Make(user(), hash()), limit.clone(), permit.clone()];
        assert_eq!(steps(&system, &Seen::default(), at(9)), wanted);
        let seen = Seen { rights: BTreeMap::new(), ..seen(Standing::Active, 1) };
        assert_eq!(steps(&system, &seen, at(9)), std::slice::from_ref(&permit));
        let looser = Limits { max_connections: 0, ..LIMITS };
        let seen = Seen { limits: BTreeMap::from([(user(), looser)]), ..seen };
        assert_eq!(steps(&system, &seen, at(9)), [limit, permit]);
    }

    #[test]
    fn whoever_is_suspended_reads_no_more_also_after_a_crash_in_between() {
        let system = system(Standing::Suspended, Phase::Made);
        let permit = Step::Permit(user(), rights(&system.name, Standing::Suspended));
        let close = Step::Close(user());
        let before = seen(Standing::Active, 0);
        assert_eq!(steps(&system, &before, at(9)), [permit, close.clone()]);
        assert_eq!(steps(&system, &seen(Standing::Suspended, 1), at(9)), [close]);
    }

    #[test]
    fn whoever_leaves_is_shut_out_and_whoever_was_gone_is_expelled() {
        let (present, standing) = (seen(Standing::Active, 0), Standing::Active);
        let shut_out = Step::ShutOut { user: user(), is_ours: true };
        assert_eq!(steps(&system(standing, Phase::Leaving), &present, at(9)), [shut_out]);
        let expel = Step::Expel(user(), hash());
        assert_eq!(steps(&system(standing, Phase::Gone), &present, at(9)), [expel]);
    }

    #[test]
    fn what_is_being_made_is_left_alone_until_that_cannot_be() {
        let system = system(Standing::Active, Phase::Making);
        assert_eq!(steps(&system, &Seen::default(), at(60)), []);
        assert_eq!(steps(&system, &Seen::default(), at(61)), [Step::Forget(user(), hash())]);
    }

    #[test]
    fn a_user_that_the_register_did_not_make_is_never_touched() {
        let mut system = system(Standing::Suspended, Phase::Made);
        system.credentials[0].hash = None;
        assert_eq!(steps(&system, &seen(Standing::Active, 1), at(9)), []);
        system.credentials[0].phase = Phase::Leaving;
        let told = Step::ShutOut { user: user(), is_ours: false };
        assert_eq!(steps(&system, &seen(Standing::Active, 1), at(9)), [told]);
    }

    #[test]
    fn what_nobody_knows_what_to_do_about_is_told() {
        let mut seen = seen(Standing::Active, 0);
        let queue = seen.mailboxes.remove("buzon_redmine").expect("seen");
        seen.mailboxes.insert("buzon_otro".to_owned(), queue);
        seen.users.extend(["redmine-7", "redmine-x", "otro-1"].map(str::to_owned));
        let told = oddities(&[system(Standing::Active, Phase::Made)], &seen);
        let told: Vec<_> = told.iter().map(String::as_str).collect();
        assert_eq!(
            told,
            [
                "the queue buzon_otro is of no system",
                "the queue buzon_redmine is missing: what is for it waits",
                "the user redmine-7 looks like one of ours",
            ]
        );
        let retired = system(Standing::Retired, Phase::Gone);
        assert_eq!(oddities(&[retired], &Seen::default()), BTreeSet::new());
    }
}
