//! Users: who may come in, and do what.

use management::{Limits, Management, Password, PasswordHash, Rights, User};
use serde_json::json;
use test_support::{Session, Vhost, eventually, try_consume, try_declare, try_publish};
use uuid::Uuid;

use super::management;

/// A vhost, and the name of a user who is not there yet.
struct World {
    vhost: Vhost,
    management: Management,
    user: String,
}

impl World {
    async fn new() -> Self {
        let vhost = Vhost::create().await;
        let management = management(&vhost);
        Self { vhost, management, user: format!("sistema-{}", Uuid::now_v7()) }
    }

    /// With a user who may do anything.
    async fn with_user(password: &str) -> Self {
        let world = Self::new().await;
        world.put(password).await;
        world.permit(".*", ".*", ".*").await;
        world
    }

    async fn put(&self, password: &str) {
        let password = Password::new(password);
        self.management.put_user(&self.user, &password, &[]).await.expect("put");
    }

    async fn permit(&self, configure: &str, write: &str, read: &str) {
        self.management.permit(&self.user, &rights(configure, write, read)).await.expect("done");
    }

    fn url(&self, password: &str) -> String {
        self.vhost.url_as(&self.user, password)
    }

    async fn let_in(&self, password: &str) -> Session {
        Session::open(&self.url(password)).await.expect("let in")
    }

    /// Leaves nobody behind.
    async fn ends(self) {
        self.management.delete_user(&self.user).await.expect("an answer");
    }
}

fn rights(configure: &str, write: &str, read: &str) -> Rights {
    let text = str::to_owned;
    Rights { configure: text(configure), write: text(write), read: text(read) }
}

/// What the broker says to who may not.
fn is_forbidden(answer: Result<(), String>) -> bool {
    answer.is_err_and(|error| error.contains("ACCESS_REFUSED"))
}

async fn is_shut_out(url: &str) -> bool {
    is_forbidden(Session::open(url).await.map(drop))
}

#[tokio::test]
async fn a_user_comes_in_with_its_rights_and_nothing_else() {
    let world = World::new().await;
    let url = world.url("primera");
    assert!(is_shut_out(&url).await, "no user");
    world.put("primera").await;
    let error = Session::open(&url).await.map(drop).expect_err("no rights");
    assert!(error.contains("access to vhost"), "{error}");

    world.vhost.declare_queue("cola_suya", json!({ "x-queue-type": "quorum" })).await;
    world.vhost.declare_queue("cola_ajena", json!({ "x-queue-type": "quorum" })).await;
    world.permit("^nueva$", "^amq\\.topic$", "^cola_suya$").await;
    assert_eq!(try_declare(&url, "nueva").await, Ok(()));
    assert_eq!(try_publish(&url, "amq.topic").await, Ok(()));
    assert_eq!(try_consume(&url, "cola_suya").await, Ok(()));
    assert!(is_forbidden(try_declare(&url, "nuevas").await));
    assert!(is_forbidden(try_publish(&url, "amq.direct").await));
    assert!(is_forbidden(try_consume(&url, "cola_ajena").await));

    world.permit("", "", "^cola_ajena$").await;
    assert_eq!(try_consume(&url, "cola_ajena").await, Ok(()));
    assert!(is_forbidden(try_consume(&url, "cola_suya").await));
    world.ends().await;
}

#[tokio::test]
async fn a_user_without_tags_may_not_ask_the_management_api() {
    let world = World::with_user("primera").await;
    let asked = super::management_as(&world.vhost, &world.user, "primera", &super::address());
    let error = asked.queue("cola").await.expect_err("refused");
    assert!(error.is_refused(), "{error}");
    world.ends().await;
}

#[tokio::test]
async fn once_the_password_is_changed_the_new_one_works_and_the_old_does_not() {
    let world = World::with_user("primera").await;
    let before = world.let_in("primera").await;
    world.put("segunda").await;
    let _after = world.let_in("segunda").await;
    assert!(is_shut_out(&world.url("primera")).await);
    assert!(before.is_open(), "whoever came in before stays");
    world.ends().await;
}

#[tokio::test]
async fn what_is_done_twice_is_done_once() {
    let world = World::with_user("primera").await;
    world.put("primera").await;
    world.permit(".*", ".*", ".*").await;
    world.let_in("primera").await;
    assert_eq!(world.management.delete_user(&world.user).await, Ok(true));
    assert_eq!(world.management.delete_user(&world.user).await, Ok(false));
    assert_eq!(world.management.close_connections_of(&world.user).await, Ok(()));
    world.ends().await;
}

#[tokio::test]
async fn users_are_told_with_their_tags() {
    let world = World::new().await;
    let (management, name) = (&world.management, &world.user);
    assert_eq!(management.user(name).await, Ok(None));
    let password = Password::new("primera");
    let wanted = |tags: &[&str]| User {
        name: name.clone(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
    };
    for tags in [&[] as &[_], &["management"], &["monitoring", "policymaker"]] {
        management.put_user(name, &password, tags).await.expect("put");
        let user = management.user(name).await.expect("an answer").expect("a user");
        assert_eq!(user, wanted(tags));
        assert!(management.users().await.expect("an answer").contains(&user));
    }
    world.ends().await;
}

#[tokio::test]
async fn connections_are_closed_for_who_is_told_to_and_for_nobody_else() {
    let world = World::with_user("primera").await;
    let others = World::with_user("primera").await;
    let (theirs, other) = (world.let_in("primera").await, others.let_in("primera").await);
    is_closed(&theirs, async || {
        world.management.close_connections_of(&world.user).await.expect("an answer");
    })
    .await;
    assert!(other.is_open());
    world.let_in("primera").await;
    world.ends().await;
    others.ends().await;
}

/// Waits until a session is closed; asks before each look, for the broker notes a
/// connection a little after it has let it in.
async fn is_closed(session: &Session, ask: impl AsyncFn()) {
    eventually("the session is closed", || async {
        ask().await;
        if session.is_open() { Err("open".to_owned()) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn a_user_who_is_deleted_is_shut_out_and_its_connections_are_closed() {
    let world = World::with_user("primera").await;
    let session = world.let_in("primera").await;
    known(&world).await;
    assert_eq!(world.management.delete_user(&world.user).await, Ok(true));
    assert!(is_shut_out(&world.url("primera")).await);
    is_closed(&session, async || ()).await;
    world.ends().await;
}

/// Waits until the broker has noted the connections there are.
async fn known(world: &World) {
    eventually("the connection is known", || async {
        let connections: Vec<serde_json::Value> = world
            .management
            .get("vhosts", &["connections"], "")
            .await
            .map_err(|error| error.to_string())?;
        if connections.is_empty() { Err("none".to_owned()) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn names_and_passwords_are_taken_as_they_are() {
    let world = World::new().await;
    let (management, password) = (&world.management, "p@ss/ \"s3crét\"+%");
    let user = format!("ñ /+%?#&\\{}", world.user);
    management.put_user(&user, &Password::new(password), &[]).await.expect("put");
    management.permit(&user, &rights("", "", "")).await.expect("permitted");
    assert_eq!(management.user(&user).await.expect("an answer").expect("a user").name, user);
    let url = world.vhost.url_as(
        &format!("%C3%B1%20%2F%2B%25%3F%23%26%5C{}", world.user),
        "p%40ss%2F%20%22s3cr%C3%A9t%22%2B%25",
    );
    let session = Session::open(&url).await.expect("let in");
    is_closed(&session, async || {
        management.close_connections_of(&user).await.expect("an answer");
    })
    .await;
    assert_eq!(management.delete_user(&user).await, Ok(true));
}

#[tokio::test]
async fn a_name_that_no_url_can_hold_is_asked_nobody() {
    let world = World::new().await;
    for name in ["", ".", ".."] {
        let error = world.management.delete_user(name).await.expect_err(name);
        assert!(error.to_string().contains("not asked"), "{error}");
        assert!(!error.is_away() && !error.is_refused(), "{error}");
        world.management.close_connections_of(name).await.expect_err(name);
        world.management.queue(name).await.expect_err(name);
    }
}

#[tokio::test]
async fn rights_for_nobody_are_an_error_that_says_so() {
    let world = World::new().await;
    let error = world.management.permit(&world.user, &rights("", "", "")).await;
    let error = error.expect_err("no user");
    assert!(error.to_string().ends_with("answered 400 (vhost_or_user_not_found)"), "{error}");
    world.put("primera").await;
    let error = world.management.permit(&world.user, &rights("", "", "(")).await;
    let error = error.expect_err("no expression");
    assert!(error.to_string().ends_with("answered 400 (invalid_regexp)"), "{error}");
    world.ends().await;
}

#[tokio::test]
async fn a_user_is_made_by_the_hash_of_its_password_and_tells_it() {
    let world = World::new().await;
    let (management, user) = (&world.management, &world.user);
    assert_eq!(management.password_hash_of(user).await, Ok(None));
    let hash = PasswordHash::new(&Password::new("primera"), [1, 2, 3, 250]);
    management.put_user_by_hash(user, &hash).await.expect("put");
    assert_eq!(management.password_hash_of(user).await, Ok(Some(hash)));
    world.permit("", "", "").await;
    world.let_in("primera").await;
    assert!(is_shut_out(&world.url("segunda")).await);
    world.ends().await;
}

#[tokio::test]
async fn rights_are_told_as_they_were_given() {
    let world = World::new().await;
    assert_eq!(world.management.rights_of(&world.user).await, Ok(None), "no user");
    world.put("primera").await;
    assert_eq!(world.management.rights_of(&world.user).await, Ok(None), "no rights");
    let given = rights("^$", "^a\\.b$", "^ñ$");
    world.management.permit(&world.user, &given).await.expect("permitted");
    assert_eq!(world.management.rights_of(&world.user).await, Ok(Some(given)));
    world.ends().await;
}

#[tokio::test]
async fn a_limit_refuses_the_connection_that_is_one_too_many() {
    let world = World::with_user("clave").await;
    let limits = Limits { max_connections: 2, max_channels: 50 };
    assert!(!world.management.limits().await.expect("told").contains_key(&world.user));
    world.management.limit(&world.user, limits).await.expect("limited");
    assert_eq!(world.management.limits().await.expect("told").get(&world.user), Some(&limits));
    let open = [world.let_in("clave").await, world.let_in("clave").await];
    let refused = Session::open(&world.url("clave")).await.err().expect("one too many");
    assert!(refused.contains("connection limit"), "{refused}");
    drop(open);
    eventually("there is room again", || async {
        Session::open(&world.url("clave")).await.map(drop)
    })
    .await;
    world.ends().await;
}

#[tokio::test]
async fn a_limit_ends_the_connection_that_opens_one_channel_too_many() {
    let world = World::with_user("clave").await;
    let limits = Limits { max_connections: 2, max_channels: 3 };
    world.management.limit(&world.user, limits).await.expect("limited");
    let mut session = world.let_in("clave").await;
    session.open_channels(2).await.expect("three with the first");
    let refused = session.open_channels(1).await.expect_err("one too many");
    assert!(refused.contains("maximum allowed user limit of (3)"), "{refused}");
    let mut session = world.let_in("clave").await;
    session.open_channels(2).await.expect("those of the other are gone");
    world.ends().await;
}

/// The broker's limit (`max_message_size`) is in the configuration that every node has.
#[tokio::test]
async fn what_is_larger_than_the_broker_takes_ends_its_channel_alone() {
    let world = World::with_user("clave").await;
    let mut session = world.let_in("clave").await;
    let (most, whose) = ("x".repeat(16 << 20), ("prueba", world.user.as_str()));
    session.publish_many("amq.fanout", whose, &most, 1).await.expect("taken");
    let larger = most + "x";
    let refused = session.publish_many("amq.fanout", whose, &larger, 1).await;
    let refused = refused.expect_err("too large");
    assert!(refused.contains("larger than configured max size 16777216"), "{refused}");
    session.open_channels(1).await.expect("the connection goes on");
    world.ends().await;
}
