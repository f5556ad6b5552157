//! What every store must do about accounts, sessions and tokens; each test runs on both
//! databases.

use audit_proxy::{
    access::{Account, AccountName, Digest, Role},
    store::{AccountChange, Bearer, KeptToken, Store},
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Backend, Database};

contract!(
    the_first_account_is_made_once_and_only_where_there_is_none,
    an_account_is_added_once_and_keeps_its_password,
    a_session_is_its_account_with_the_role_of_the_moment,
    a_session_ends_in_time_or_before,
    a_change_of_role_or_password_ends_the_sessions_and_nobody_elses,
    a_password_of_one_s_own_is_changed_from_the_old_one_only,
    no_session_opens_with_a_password_that_has_changed,
    an_account_has_so_many_sessions_and_the_oldest_end,
    the_last_administrator_stays,
    two_administrators_do_not_take_the_role_from_each_other,
    a_token_is_a_program_until_it_is_revoked_or_expires,
    what_has_expired_is_forgotten,
);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

fn name(text: &str) -> AccountName {
    text.parse().expect("a name")
}

async fn add(store: &Store, account: &str, role: Role) {
    let added = store.add_account(&name(account), role, "hash", at(0)).await;
    assert!(added.expect("added"), "{account}");
}

/// Opens a session at second 10 that lasts until second 20.
async fn open(store: &Store, account: &str, token: &str) -> Option<Role> {
    let digest = Digest::of(token);
    let opened = store.open_session(&name(account), "hash", &digest, [at(10), at(20)]).await;
    opened.expect("an answer")
}

async fn bearer(store: &Store, token: &str, second: i64) -> Option<Bearer> {
    store.bearer(&Digest::of(token), at(second)).await.expect("an answer")
}

async fn change(store: &Store, account: &str, role: Option<Role>) -> AccountChange {
    store.change_account(&name(account), role, None).await.expect("an answer")
}

async fn the_first_account_is_made_once_and_only_where_there_is_none(backend: Backend) {
    let database = Database::create(backend).await;
    let stores = [database.store(), database.store()];
    stores[0].prepare().await.expect("tables");
    assert!(!stores[0].has_accounts().await.expect("an answer"));
    let first = async |store: &Store, account: &str| {
        store.add_first_account(&name(account), "hash", at(0)).await.expect("an answer")
    };
    let made = tokio::join!(first(&stores[0], "admin"), first(&stores[1], "admin"));
    assert!(made.0 ^ made.1, "one of two that start at once: {made:?}");
    assert!(stores[0].has_accounts().await.expect("an answer"));
    assert!(!first(&stores[1], "otra").await);
    let accounts = stores[0].accounts().await.expect("an answer");
    assert_eq!(accounts.len(), 1);
    assert_eq!((&accounts[0].name, accounts[0].role), (&name("admin"), Role::Administrator));
}

async fn an_account_is_added_once_and_keeps_its_password(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    add(&store, "ana", Role::Reader).await;
    let again = store.add_account(&name("ana"), Role::Administrator, "otro", at(1)).await;
    assert!(!again.expect("an answer"));
    assert_eq!(store.password(&name("ana")).await.expect("an answer").as_deref(), Some("hash"));
    assert_eq!(store.password(&name("luis")).await.expect("an answer"), None);
    let accounts = store.accounts().await.expect("an answer");
    assert_eq!(accounts.len(), 1);
    assert_eq!((accounts[0].role, accounts[0].created), (Role::Reader, at(0)));
    assert_eq!(accounts[0].entered, None);
}

async fn a_session_is_its_account_with_the_role_of_the_moment(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    add(&store, "ana", Role::Operator).await;
    assert_eq!(open(&store, "ana", "t").await, Some(Role::Operator));
    let account = Account { name: "ana".to_owned(), role: Role::Operator };
    let expected = Bearer { account, person: Some(name("ana")), expires: at(20) };
    assert_eq!(bearer(&store, "t", 11).await, Some(expected));
    assert_eq!(bearer(&store, "otro", 11).await, None);
    assert_eq!(store.accounts().await.expect("an answer")[0].entered, Some(at(10)));
    assert_eq!(open(&store, "luis", "u").await, None, "there is no such account");
}

async fn a_session_ends_in_time_or_before(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    add(&store, "ana", Role::Reader).await;
    open(&store, "ana", "t").await.expect("opened");
    open(&store, "ana", "u").await.expect("opened");
    assert!(bearer(&store, "t", 19).await.is_some());
    assert_eq!(bearer(&store, "t", 20).await, None);
    store.close_session(&Digest::of("t")).await.expect("closed");
    assert_eq!(bearer(&store, "t", 11).await, None);
    assert!(bearer(&store, "u", 11).await.is_some(), "another session goes on");
}

async fn a_change_of_role_or_password_ends_the_sessions_and_nobody_elses(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, ana) = (database.store(), name("ana"));
    add(&store, "ana", Role::Reader).await;
    add(&store, "luis", Role::Reader).await;
    open(&store, "luis", "de luis").await.expect("opened");
    open(&store, "ana", "1").await.expect("opened");
    assert_eq!(change(&store, "ana", Some(Role::Operator)).await, AccountChange::Done);
    assert_eq!(bearer(&store, "1", 11).await, None);
    assert_eq!(open(&store, "ana", "2").await, Some(Role::Operator), "with the same password");
    let changed = store.change_account(&ana, None, Some("otro")).await.expect("an answer");
    assert_eq!(changed, AccountChange::Done);
    assert_eq!(bearer(&store, "2", 11).await, None);
    assert_eq!(store.password(&ana).await.expect("an answer").as_deref(), Some("otro"));
    assert_eq!(store.accounts().await.expect("an answer")[0].role, Role::Operator);
    let opened = store.open_session(&ana, "otro", &Digest::of("3"), [at(10), at(20)]).await;
    assert_eq!(opened.expect("an answer"), Some(Role::Operator));
    assert_eq!(store.remove_account(&ana).await.expect("an answer"), AccountChange::Done);
    assert_eq!(bearer(&store, "3", 11).await, None);
    assert_eq!(change(&store, "ana", None).await, AccountChange::Unknown);
    assert_eq!(store.remove_account(&ana).await.expect("an answer"), AccountChange::Unknown);
    add(&store, "ana", Role::Administrator).await;
    assert_eq!(bearer(&store, "3", 11).await, None, "another of the same name");
    assert!(bearer(&store, "de luis", 11).await.is_some());
}

async fn a_password_of_one_s_own_is_changed_from_the_old_one_only(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, ana) = (database.store(), name("ana"));
    add(&store, "ana", Role::Reader).await;
    for token in ["here", "there"] {
        open(&store, "ana", token).await.expect("opened");
    }
    let here = Digest::of("here");
    let changed = store.change_own_password(&ana, ["otro", "nuevo"], &here).await;
    assert!(!changed.expect("an answer"));
    assert!(bearer(&store, "there", 11).await.is_some(), "nothing has changed");
    let changed = store.change_own_password(&ana, ["hash", "nuevo"], &here).await;
    assert!(changed.expect("an answer"));
    assert_eq!(store.password(&ana).await.expect("an answer").as_deref(), Some("nuevo"));
    assert!(bearer(&store, "here", 11).await.is_some());
    assert_eq!(bearer(&store, "there", 11).await, None);
}

async fn no_session_opens_with_a_password_that_has_changed(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, ana) = (database.store(), name("ana"));
    add(&store, "ana", Role::Reader).await;
    store.change_account(&ana, None, Some("otro")).await.expect("changed");
    assert_eq!(open(&store, "ana", "t").await, None, "it was right while it was checked");
    assert_eq!(bearer(&store, "t", 11).await, None);
    assert_eq!(store.accounts().await.expect("an answer")[0].entered, None);
}

async fn an_account_has_so_many_sessions_and_the_oldest_end(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    for account in ["ana", "luis"] {
        add(&store, account, Role::Reader).await;
    }
    open(&store, "luis", "de luis").await.expect("opened");
    for second in 0..101 {
        let (digest, times) = (Digest::of(&second.to_string()), [at(second), at(1000)]);
        let opened = store.open_session(&name("ana"), "hash", &digest, times).await;
        opened.expect("an answer").expect("opened");
    }
    assert_eq!(bearer(&store, "0", 11).await, None);
    for still in ["1", "100", "de luis"] {
        assert!(bearer(&store, still, 11).await.is_some(), "{still}");
    }
}

async fn the_last_administrator_stays(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, admin) = (database.store(), name("admin"));
    add(&store, "admin", Role::Administrator).await;
    add(&store, "ana", Role::Operator).await;
    open(&store, "admin", "t").await.expect("opened");
    let refused = AccountChange::LastAdministrator;
    for role in [Role::Reader, Role::Operator] {
        assert_eq!(change(&store, "admin", Some(role)).await, refused);
    }
    assert_eq!(store.remove_account(&admin).await.expect("an answer"), refused);
    assert!(bearer(&store, "t", 11).await.is_some(), "nothing has changed");
    assert_eq!(change(&store, "admin", Some(Role::Administrator)).await, AccountChange::Done);
    assert_eq!(change(&store, "ana", Some(Role::Administrator)).await, AccountChange::Done);
    assert_eq!(change(&store, "admin", Some(Role::Reader)).await, AccountChange::Done);
    assert_eq!(change(&store, "ana", Some(Role::Reader)).await, refused);
}

async fn two_administrators_do_not_take_the_role_from_each_other(backend: Backend) {
    let database = Database::create(backend).await;
    let (one, other) = (database.store(), database.store());
    for account in ["ana", "luis"] {
        add(&one, account, Role::Administrator).await;
    }
    for round in 0..20 {
        let reader = Some(Role::Reader);
        let both = tokio::join!(change(&one, "ana", reader), change(&other, "luis", reader));
        let last = AccountChange::LastAdministrator;
        let was_refused = (both.0 == last, both.1 == last);
        assert!(was_refused.0 ^ was_refused.1, "round {round}: {both:?}");
        for account in ["ana", "luis"] {
            change(&one, account, Some(Role::Administrator)).await;
        }
    }
}

fn token(called: &str, seconds: [i64; 2]) -> KeptToken {
    let [created, expires] = seconds.map(at);
    let (name, maker) = (name(called), "admin".to_owned());
    KeptToken { id: Uuid::now_v7(), name, role: Role::Operator, maker, created, expires }
}

async fn a_token_is_a_program_until_it_is_revoked_or_expires(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let add = async |kept: &KeptToken, text: &str| {
        store.add_token(kept, &Digest::of(text)).await.expect("an answer")
    };
    let (reports, other) = (token("informes", [0, 20]), token("alta", [0, 30]));
    assert!(add(&reports, "t").await && add(&other, "u").await);
    assert!(!add(&token("informes", [1, 99]), "v").await, "the name is taken");
    let account = Account { name: "token:informes".to_owned(), role: Role::Operator };
    let expected = Bearer { account, person: None, expires: at(20) };
    assert_eq!(bearer(&store, "t", 19).await, Some(expected));
    assert_eq!(bearer(&store, "t", 20).await, None);
    assert_eq!(store.tokens(at(5)).await.expect("an answer"), [other.clone(), reports.clone()]);
    assert_eq!(store.tokens(at(25)).await.expect("an answer"), std::slice::from_ref(&other));
    assert!(store.revoke_token(other.id).await.expect("an answer"));
    assert!(!store.revoke_token(other.id).await.expect("an answer"));
    assert_eq!(bearer(&store, "u", 5).await, None);
    assert!(add(&token("informes", [21, 99]), "v").await, "the name is free again");
    assert_eq!(bearer(&store, "t", 5).await, None);
    assert!(bearer(&store, "v", 22).await.is_some());
}

async fn what_has_expired_is_forgotten(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    add(&store, "ana", Role::Reader).await;
    open(&store, "ana", "t").await.expect("opened");
    store.add_token(&token("informes", [0, 20]), &Digest::of("u")).await.expect("added");
    store.forget_expired(at(19)).await.expect("done");
    assert!(bearer(&store, "t", 11).await.is_some() && bearer(&store, "u", 11).await.is_some());
    store.forget_expired(at(20)).await.expect("done");
    assert_eq!((bearer(&store, "t", 11).await, bearer(&store, "u", 11).await), (None, None));
}
