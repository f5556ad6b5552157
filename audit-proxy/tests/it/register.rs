//! What every store must do with systems and their users; on both databases.

use audit_proxy::{
    register::Standing,
    store::{Change, Credential, Forwarded, Issued, Key, Phase, Profile, Registered, Store},
};
use jiff::Timestamp;
use management::{Password, PasswordHash};
use messages::{MessageId, StandardMessage, SystemName};
use uuid::Uuid;

use super::{Backend, Database, running::name};

contract!(
    what_a_change_leaves_out_stays,
    whoever_is_retired_stays_so_and_so_do_its_users,
    two_users_at_a_time_and_no_name_twice,
    a_user_comes_and_goes_by_its_phases_only,
    a_user_that_was_not_made_is_forgotten,
    two_who_issue_at_once_get_two_names,
    messages_before_and_behind_one_are_counted,
);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

fn redmine() -> SystemName {
    name("redmine")
}

fn hash() -> PasswordHash {
    PasswordHash::new(&Password::new("clave"), [7; 4])
}

async fn with_system(database: &Database) -> Store {
    let store = database.store();
    let states = vec!["aplazado".parse().expect("a name")];
    let profile = Profile { standing: Standing::Active, description: "Soporte".to_owned(), states };
    assert!(store.add_system(&redmine(), &profile, at(0)).await.expect("added"));
    store
}

async fn system(store: &Store) -> Registered {
    store.system(&redmine()).await.expect("an answer").expect("registered")
}

async fn issue(store: &Store) -> Issued {
    store.issue_credential(&redmine(), &hash(), at(1)).await.expect("an answer")
}

async fn made(store: &Store) -> String {
    let Issued::User(user) = issue(store).await else { panic!("not issued") };
    assert!(store.credential_made(&user).await.expect("made"));
    user
}

async fn phases(store: &Store) -> Vec<(String, Phase)> {
    let credentials = system(store).await.credentials;
    credentials.into_iter().map(|one| (one.user, one.phase)).collect()
}

async fn what_a_change_leaves_out_stays(backend: Backend) {
    let database = Database::create(backend).await;
    let store = with_system(&database).await;
    let change = async |change| store.change_system(&redmine(), &change).await.expect("changed");
    let before = system(&store).await.profile;
    assert!(change(Change::default()).await);
    assert_eq!(system(&store).await.profile, before);
    assert!(change(Change { description: Some(String::new()), ..Change::default() }).await);
    assert!(change(Change { standing: Some(Standing::Suspended), ..Change::default() }).await);
    let wanted = Profile {
        standing: Standing::Suspended,
        description: String::new(),
        states: before.states,
    };
    assert_eq!(system(&store).await.profile, wanted);
    assert!(change(Change { states: Some(Vec::new()), ..Change::default() }).await);
    assert_eq!(system(&store).await.profile, Profile { states: Vec::new(), ..wanted });
    assert_eq!(store.system(&name("nadie")).await.expect("an answer"), None);
}

async fn whoever_is_retired_stays_so_and_so_do_its_users(backend: Backend) {
    let database = Database::create(backend).await;
    let store = with_system(&database).await;
    let (user, being_made) = (made(&store).await, issue(&store).await);
    assert!(!store.retire_system(&name("nadie")).await.expect("an answer"));
    for _ in 0..2 {
        assert!(store.retire_system(&redmine()).await.expect("retired"));
    }
    let active = Change { standing: Some(Standing::Active), ..Change::default() };
    assert!(!store.change_system(&redmine(), &active).await.expect("an answer"));
    assert_eq!(system(&store).await.profile.standing, Standing::Retired);
    let Issued::User(other) = being_made else { panic!("{being_made:?}") };
    assert!(!store.credential_made(&other).await.expect("an answer"), "it is too late");
    let wanted = [(user.clone(), Phase::Leaving), (other, Phase::Leaving)];
    assert_eq!(phases(&store).await, wanted);
    assert_eq!(issue(&store).await, Issued::Retired);
    let register = store.register().await.expect("an answer");
    assert!(register.get(&redmine()).expect("known").users.contains(&user));
}

async fn two_users_at_a_time_and_no_name_twice(backend: Backend) {
    let database = Database::create(backend).await;
    let store = with_system(&database).await;
    let nobody = store.issue_credential(&name("nadie"), &hash(), at(1)).await;
    assert_eq!(nobody.expect("an answer"), Issued::NoSystem);
    let first = made(&store).await;
    assert_eq!(first, "redmine-1");
    assert_eq!(issue(&store).await, Issued::User("redmine-2".to_owned()));
    assert_eq!(issue(&store).await, Issued::Enough, "one of them is being made");
    assert!(store.withdraw_credential(&redmine(), &first).await.expect("withdrawn"));
    assert_eq!(issue(&store).await, Issued::User("redmine-3".to_owned()));
    assert_eq!(issue(&store).await, Issued::Enough);
    let credentials = system(&store).await.credentials;
    let wanted = Credential {
        user: "redmine-3".to_owned(),
        created: at(1),
        phase: Phase::Making,
        hash: Some(hash()),
    };
    assert_eq!(credentials[2], wanted);
}

async fn a_user_comes_and_goes_by_its_phases_only(backend: Backend) {
    let database = Database::create(backend).await;
    let store = with_system(&database).await;
    let user = made(&store).await;
    assert!(!store.credential_made(&user).await.expect("an answer"), "it is already");
    assert!(!store.credential_gone(&user).await.expect("an answer"), "it was not to go");
    assert!(!store.withdraw_credential(&name("otro"), &user).await.expect("an answer"));
    assert!(store.withdraw_credential(&redmine(), &user).await.expect("withdrawn"));
    assert!(!store.withdraw_credential(&redmine(), &user).await.expect("an answer"));
    assert!(!store.credential_made(&user).await.expect("an answer"), "it does not come back");
    assert!(store.credential_gone(&user).await.expect("gone"));
    assert_eq!(phases(&store).await, [(user.clone(), Phase::Gone)]);
    let register = store.register().await.expect("an answer");
    assert!(register.get(&redmine()).expect("known").users.contains(&user), "it published");
}

async fn a_user_that_was_not_made_is_forgotten(backend: Backend) {
    let database = Database::create(backend).await;
    let store = with_system(&database).await;
    let user = made(&store).await;
    assert!(!store.forget_credential(&user).await.expect("an answer"), "it was made");
    let Issued::User(other) = issue(&store).await else { panic!("not issued") };
    assert!(store.forget_credential(&other).await.expect("forgotten"));
    assert!(!store.credential_made(&other).await.expect("an answer"));
    assert_eq!(phases(&store).await, [(user, Phase::Made)]);
    assert_eq!(issue(&store).await, Issued::User("redmine-3".to_owned()));
}

async fn two_who_issue_at_once_get_two_names(backend: Backend) {
    let database = Database::create(backend).await;
    let (one, other) = (with_system(&database).await, database.store());
    other.prepare().await.expect("there");
    let attempts = (0..6).map(|number| issue(if number % 2 == 0 { &one } else { &other }));
    let issued = futures_util::future::join_all(attempts).await;
    let mut users: Vec<_> = issued
        .into_iter()
        .filter_map(|issued| match issued {
            Issued::User(user) => Some(user),
            Issued::Enough => None,
            other => panic!("{other:?}"),
        })
        .collect();
    users.sort();
    assert_eq!(users, ["redmine-1", "redmine-2"]);
}

fn message(destination: &str) -> StandardMessage {
    StandardMessage {
        id: MessageId::from(Uuid::now_v7()),
        source: name("servicedesk"),
        destination: name(destination),
        kind: "ticket.asignado".parse().expect("a name"),
        created: at(-1),
        correlation: None,
        content_type: "application/json".to_owned().try_into().expect("a type"),
        payload: Vec::new(),
        properties: None,
    }
}

async fn messages_before_and_behind_one_are_counted(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let all = ["redmine", "redmine", "otro", "redmine", "redmine"].map(message);
    store.receive(&all.each_ref(), at(0)).await.expect("received");
    let waiting = store.waiting(&redmine(), 9).await.expect("an answer");
    let keys: Vec<_> = waiting.iter().map(|waiting| waiting.key).collect();
    let before = async |key: Key| store.waiting_before(&redmine(), key).await.expect("a count");
    let behind = async |key: Key| store.forwarded_after(&redmine(), key).await.expect("a count");
    assert_eq!((before(keys[0]).await, before(keys[3]).await), (0, 3));
    assert_eq!(behind(keys[0]).await, 0, "none is forwarded");
    let forwarded = keys[1..3].iter().map(|&key| Forwarded { key, at: at(1) });
    store.forwarded(&forwarded.collect::<Vec<_>>()).await.expect("written down");
    assert_eq!((before(keys[3]).await, behind(keys[0]).await), (1, 2));
    assert_eq!((behind(keys[1]).await, behind(keys[2]).await), (1, 0));
}
