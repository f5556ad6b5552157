//! Who may ask the proxy for what.

use std::collections::BTreeSet;

use argon2::{Argon2, PasswordHasher};
use audit_proxy::access::{Digest, Role};
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    caller::{ADMIN, Answer, Caller, PASSWORD},
    process::Process,
    running::World,
};

fn kind(answer: &Answer) -> &str {
    let kind = answer.body["type"].as_str().unwrap_or_default();
    kind.trim_start_matches("urn:relevo:problema:")
}

#[tokio::test]
async fn everything_but_the_door_needs_a_token() {
    let world = World::new().await;
    let proxy = world.running().await;
    let document = proxy.nobody.get("/openapi.json").await.body;
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    assert_eq!(document["security"], json!([{ "token": [] }]));
    let mut open = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if operation["security"] == json!([{}]) {
                open.insert(format!("{method} {path}"));
                continue;
            }
            let (method, path) = (method.to_uppercase(), path.replace(['{', '}'], ""));
            for caller in [proxy.nobody.clone(), proxy.nobody.with_token("otro")] {
                let method = method.parse().expect("a method");
                let answer = caller.send(method, &path, None).await;
                assert_eq!(answer.status, 401, "{path}: {answer:?}");
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
            }
        }
    }
    assert_eq!(open, BTreeSet::from(["post /sesiones".to_owned()]));
    for path in ["/healthz", "/readyz", "/metrics"] {
        let status = reqwest::get(proxy.nobody.url(path)).await.expect("an answer").status();
        assert_eq!(status, 200, "{path}");
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn each_role_may_what_it_may_and_is_told_which_one_is_needed() {
    let world = World::new().await;
    let proxy = world.running().await;
    let story = format!("/mensajes/{}", Uuid::now_v7());
    for role in Role::ALL {
        let caller = proxy.logged_in(role).await;
        assert_eq!(caller.get("/sesiones/actual").await.body["rol"], role.as_str());
        assert_eq!(caller.get(&story).await.status, 404);
        let accounts = caller.get("/cuentas").await;
        if role == Role::Administrator {
            assert_eq!(accounts.status, 200);
            continue;
        }
        assert_eq!((accounts.status, kind(&accounts)), (403, "rol-insuficiente"));
        let detail = accounts.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("requiere el rol «administrador»"), "{detail}");
        assert!(detail.contains(role.as_str()), "{detail}");
        let account = json!({ "nombre": "intruso", "rol": "administrador", "clave": PASSWORD });
        assert_eq!(caller.post("/cuentas", &account).await.status, 403);
        assert_eq!(caller.delete("/cuentas/admin").await.status, 403);
    }
    let all = proxy.admin.get("/cuentas").await.body;
    let names: Vec<_> = all["cuentas"].as_array().into_iter().flatten().collect();
    assert_eq!(names.len(), 4, "{all}");
    assert!(names.iter().all(|account| account["ultima_entrada"] != Value::Null), "{all}");
    proxy.stopped().await;
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let world = World::new().await;
    let proxy = world.running().await;
    let mut answers = Vec::new();
    for (account, password) in [(ADMIN, "otra clave larga"), ("nadie", PASSWORD)] {
        let body = json!({ "cuenta": account, "clave": password });
        let mut answer = proxy.nobody.post("/sesiones", &body).await;
        answer.body["request_id"].take();
        answers.push((answer.status, answer.body));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 401);
    proxy.stopped().await;
}

/// Tries to log in.
async fn enter(caller: &Caller, account: &str, password: &str) -> Answer {
    caller.post("/sesiones", &json!({ "cuenta": account, "clave": password })).await
}

#[tokio::test]
async fn after_many_wrong_passwords_an_account_waits_and_others_do_not() {
    let world = World::new().await;
    let proxy = world.running().await;
    let reader = proxy.logged_in(Role::Reader).await;
    for name in [ADMIN, "nadie"] {
        for _ in 0..20 {
            assert_eq!(enter(&proxy.nobody, name, "otra clave larga").await.status, 401);
        }
        for password in ["otra clave larga", PASSWORD] {
            let answer = enter(&proxy.nobody, name, password).await;
            assert_eq!((answer.status, kind(&answer)), (429, "demasiados-intentos"), "{name}");
            let wait = answer.headers["retry-after"].to_str().expect("text").parse::<u32>();
            assert!((1..=30).contains(&wait.expect("seconds")), "{answer:?}");
        }
    }
    let change = json!({ "clave": "otra clave larga", "nueva": "una clave nueva" });
    assert_eq!(proxy.admin.put("/sesiones/actual/clave", &change).await.status, 429);
    assert_eq!(proxy.admin.get("/cuentas").await.status, 200, "who is in goes on");
    let own = reader.get("/sesiones/actual").await.body["cuenta"].clone();
    let own = own.as_str().expect("a name");
    assert_eq!(enter(&proxy.nobody, own, PASSWORD).await.status, 201);
    let elsewhere = proxy.nobody.from("192.0.2.7");
    assert_eq!(enter(&elsewhere, ADMIN, PASSWORD).await.status, 201, "who tried waits alone");
    proxy.stopped().await;
}

/// The others begin first, and not one of them in its turn is held up.
#[tokio::test]
async fn a_right_password_gets_in_while_sixty_wrong_ones_of_another_address_wait() {
    let world = World::new().await;
    let proxy = world.running().await;
    let (wrong, right) = (proxy.nobody.from("192.0.2.1"), proxy.nobody.from("192.0.2.2"));
    let names: Vec<_> = (0..60).map(|index| format!("n{index}")).collect();
    let tries = names.iter().map(|name| enter(&wrong, name, "otra clave larga"));
    let mut tries = futures_util::stream::iter(tries).buffer_unordered(60);
    assert_eq!(tries.next().await.expect("an answer").status, 401);
    let (mut answered, mut entered) = (1, None);
    let own = enter(&right, ADMIN, PASSWORD);
    tokio::pin!(own);
    while entered.is_none() {
        tokio::select! {
            answer = &mut own => entered = Some(answer.status),
            Some(answer) = tries.next() => {
                assert_eq!(answer.status, 401);
                answered += 1;
            }
        }
    }
    assert_eq!(entered, Some(201));
    assert!(answered < 30, "it waited for {answered} others");
    assert!(tries.all(async |answer| answer.status == 401).await);
    proxy.stopped().await;
}

/// What callers write, an account's name or a path, cannot make a line of its own: both
/// come in few characters.
#[tokio::test]
async fn who_acted_whence_and_with_what_outcome_is_in_the_log() {
    let world = World::new().await;
    let proxy = Process::start_with(&world, PASSWORD).await;
    let nobody = proxy.caller().from("192.0.2.7");
    assert_eq!(enter(&nobody, ADMIN, "otra clave larga").await.status, 401);
    assert_eq!(enter(&nobody, "nadie", PASSWORD).await.status, 401);
    let admin = nobody.log_in(ADMIN, PASSWORD).await;
    let rule = json!({ "ocultos": ["tarjeta"] });
    assert_eq!(admin.put("/reglas/pedido%0A", &rule).await.status, 400);
    assert_eq!(admin.put("/reglas/pedido", &rule).await.status, 200);
    let ana = json!({ "nombre": "ana", "rol": "lector", "clave": PASSWORD });
    assert_eq!(admin.post("/cuentas", &ana).await.status, 201);
    let ana = nobody.log_in("ana", PASSWORD).await;
    assert_eq!(ana.get("/cuentas").await.status, 403);
    for line in [
        "WARN: admin from 192.0.2.7: POST /sesiones: 401",
        "WARN: (an account that there is not) from 192.0.2.7: POST /sesiones: 401",
        "INFO: admin from 192.0.2.7: POST /sesiones: 201",
        "WARN: admin from 192.0.2.7: PUT /reglas/pedido%0A: 400",
        "INFO: admin from 192.0.2.7: PUT /reglas/pedido: 200",
        "INFO: admin from 192.0.2.7: POST /cuentas: 201",
        "WARN: ana from 192.0.2.7: GET /cuentas: 403",
    ] {
        let (level, rest) = line.split_once(": ").expect("a level");
        proxy.logs(&[level, rest]).await;
    }
    assert!(!proxy.log().contains("nadie"), "it may be a password");
}

#[tokio::test]
async fn of_many_that_log_in_at_once_all_are_answered_and_few_of_them_wait() {
    let world = World::new().await;
    let proxy = world.running().await;
    let names: Vec<_> = (0..100).map(|index| format!("n{index}")).collect();
    let all = names.iter().map(|name| enter(&proxy.nobody, name, PASSWORD));
    let answers = futures_util::future::join_all(all).await;
    let (busy, wrong): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 503);
    assert!(wrong.len() >= 64 && wrong.iter().all(|one| one.status == 401), "{wrong:?}");
    assert!(!busy.is_empty(), "64 of one address wait at most");
    for answer in busy {
        assert_eq!(kind(answer), "muchas-claves");
        assert_eq!(answer.headers["retry-after"], "2");
    }
    assert_eq!(enter(&proxy.nobody, ADMIN, PASSWORD).await.status, 201);
    proxy.stopped().await;
}

#[tokio::test]
async fn what_is_no_entry_is_told_so_and_nothing_is_looked_up() {
    let world = World::new().await;
    let proxy = world.running().await;
    for (body, status) in [
        (json!({ "cuenta": "Ana Gil", "clave": "x" }), 422),
        (json!({ "cuenta": ADMIN }), 422),
        (json!({ "cuenta": ADMIN, "clave": PASSWORD, "rol": "lector" }), 422),
        (json!([ADMIN, PASSWORD]), 422),
        (json!({ "cuenta": ADMIN, "clave": "x".repeat(5000) }), 413),
    ] {
        assert_eq!(proxy.nobody.post("/sesiones", &body).await.status, status, "{body}");
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn a_session_lasts_half_a_day_outlives_a_restart_and_ends_when_it_is_closed() {
    let world = World::new().await;
    let first = world.running().await;
    let until = first.admin.get("/sesiones/actual").await.body["caduca"].clone();
    let until: Timestamp = until.as_str().expect("a time").parse().expect("a time");
    let left = until.duration_since(Timestamp::now()).as_secs();
    assert!((43_100..=43_200).contains(&left), "{left} s");

    let old = Timestamp::now() - SignedDuration::from_hours(13);
    let (name, digest) = (ADMIN.parse().expect("a name"), Digest::of("t"));
    let hash = world.store.password(&name).await.expect("an answer").expect("an account");
    let times = [old, old + SignedDuration::from_hours(12)];
    let opened = world.store.open_session(&name, &hash, &digest, times).await;
    opened.expect("an answer").expect("opened");
    let expired = first.nobody.with_token("t").get("/sesiones/actual").await;
    assert_eq!((expired.status, kind(&expired)), (401, "token-no-valido"));

    let admin = first.admin.clone();
    first.stopped().await;
    let second = world.running().await;
    let admin = admin.at(&second.nobody);
    assert_eq!(admin.get("/sesiones/actual").await.status, 200);
    assert_eq!(admin.delete("/sesiones/actual").await.status, 204);
    assert_eq!(admin.get("/sesiones/actual").await.status, 401);
    assert_eq!(second.admin.get("/sesiones/actual").await.status, 200, "that is another");
    second.stopped().await;
}

#[tokio::test]
async fn the_first_password_makes_an_account_once_and_changes_none() {
    let world = World::new().await;
    let without = world.running_with_password("").await;
    let answer = enter(&without.nobody, ADMIN, "").await;
    assert_eq!((answer.status, kind(&answer)), (503, "sin-cuentas"), "nobody can log in");
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("AUDIT_ADMIN_PASSWORD en .env"), "{detail}");
    without.stopped().await;
    for password in [PASSWORD, "otra clave larga"] {
        let proxy = world.running_with_password(password).await;
        assert_eq!(enter(&proxy.nobody, ADMIN, PASSWORD).await.status, 201);
        assert_eq!(enter(&proxy.nobody, ADMIN, "otra clave larga").await.status, 401);
        proxy.stopped().await;
    }
}

/// The password that every laboratory had.
const KNOWN: &str = "admin-auditoria";

#[tokio::test]
async fn the_password_that_everybody_knows_opens_nothing_and_is_replaced() {
    let world = World::new().await;
    let name = ADMIN.parse().expect("a name");
    let hash = Argon2::default().hash_password(KNOWN.as_bytes()).expect("hashed").to_string();
    let added = world.store.add_first_account(&name, &hash, Timestamp::now()).await;
    assert!(added.expect("added"));
    for (password, own) in [("", 401), (PASSWORD, 201), ("otra clave larga", 201)] {
        let proxy = world.running_with_password(password).await;
        assert_eq!(enter(&proxy.nobody, ADMIN, KNOWN).await.status, 401);
        assert_eq!(enter(&proxy.nobody, ADMIN, PASSWORD).await.status, own, "{password:?}");
        proxy.stopped().await;
    }
}

#[tokio::test]
async fn what_an_administrator_changes_holds_at_once() {
    let world = World::new().await;
    let proxy = world.running().await;
    let ana = json!({ "nombre": "ana", "rol": "administrador", "clave": PASSWORD });
    assert_eq!(proxy.admin.post("/cuentas", &ana).await.status, 201);
    let again = proxy.admin.post("/cuentas", &ana).await;
    assert_eq!((again.status, kind(&again)), (409, "cuenta-repetida"));
    let session = proxy.nobody.log_in("ana", PASSWORD).await;
    assert_eq!(session.get("/cuentas").await.status, 200);

    let (path, reader) = ("/cuentas/ana", json!({ "rol": "lector" }));
    assert_eq!(proxy.admin.patch(path, &reader).await.status, 204);
    assert_eq!(session.get("/cuentas").await.status, 401, "the session ended");
    let session = proxy.nobody.log_in("ana", PASSWORD).await;
    assert_eq!(session.get("/cuentas").await.status, 403);

    let password = json!({ "clave": "una clave nueva" });
    assert_eq!(proxy.admin.patch(path, &password).await.status, 204);
    assert_eq!(session.get("/sesiones/actual").await.status, 401);
    assert_eq!(enter(&proxy.nobody, "ana", PASSWORD).await.status, 401);
    let session = proxy.nobody.log_in("ana", "una clave nueva").await;
    assert_eq!(session.get("/sesiones/actual").await.body["rol"], "lector");

    assert_eq!(proxy.admin.delete(path).await.status, 204);
    assert_eq!(session.get("/sesiones/actual").await.status, 401);
    assert_eq!(enter(&proxy.nobody, "ana", "una clave nueva").await.status, 401);
    for answer in [proxy.admin.delete(path).await, proxy.admin.patch(path, &reader).await] {
        assert_eq!((answer.status, kind(&answer)), (404, "cuenta-desconocida"));
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn the_last_administrator_is_neither_removed_nor_degraded() {
    let world = World::new().await;
    let proxy = world.running().await;
    let path = "/cuentas/admin";
    let reader = json!({ "rol": "lector" });
    for answer in [proxy.admin.delete(path).await, proxy.admin.patch(path, &reader).await] {
        assert_eq!((answer.status, kind(&answer)), (409, "ultimo-administrador"));
    }
    for (body, status) in [
        (json!({}), 422),
        (json!({ "rol": "jefe" }), 422),
        (json!({ "clave": "corta" }), 422),
        (json!({ "clave": "una clave nueva" }), 409),
    ] {
        assert_eq!(proxy.admin.patch(path, &body).await.status, status, "{body}");
    }
    let other = proxy.logged_in(Role::Administrator).await;
    assert_eq!(proxy.admin.delete(path).await.status, 204);
    assert_eq!(proxy.admin.get("/cuentas").await.status, 401);
    assert_eq!(other.get("/cuentas").await.status, 200);
    proxy.stopped().await;
}

#[tokio::test]
async fn one_s_own_password_takes_the_old_one_and_ends_the_other_sessions() {
    let world = World::new().await;
    let proxy = world.running().await;
    let (path, here) = ("/sesiones/actual/clave", proxy.admin.clone());
    let there = proxy.nobody.log_in(ADMIN, PASSWORD).await;
    let change = |old: &str, new: &str| json!({ "clave": old, "nueva": new });
    for body in [
        change("otra clave larga", "una clave nueva"),
        change(PASSWORD, "corta"),
        change(PASSWORD, PASSWORD),
        change(PASSWORD, "admin-auditoria"),
        change(PASSWORD, "AdminAdminAdmin"),
    ] {
        assert_eq!(here.put(path, &body).await.status, 422, "{body}");
    }
    assert_eq!(there.get("/sesiones/actual").await.status, 200, "nothing has changed");
    assert_eq!(here.put(path, &change(PASSWORD, "una clave nueva")).await.status, 204);
    assert_eq!(here.get("/sesiones/actual").await.status, 200);
    assert_eq!(there.get("/sesiones/actual").await.status, 401);
    assert_eq!(enter(&proxy.nobody, ADMIN, PASSWORD).await.status, 401);
    assert_eq!(enter(&proxy.nobody, ADMIN, "una clave nueva").await.status, 201);
    proxy.stopped().await;
}

#[tokio::test]
async fn a_program_has_its_role_until_its_token_is_revoked() {
    let world = World::new().await;
    let proxy = world.running().await;
    let wanted = json!({ "nombre": "informes", "rol": "lector", "dias": 30 });
    let made = proxy.admin.post("/tokens", &wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["creado_por"], ADMIN);
    let again = proxy.admin.post("/tokens", &wanted).await;
    assert_eq!((again.status, kind(&again)), (409, "token-repetido"));
    let program = proxy.nobody.with_token(made.body["token"].as_str().expect("a token"));
    let current = program.get("/sesiones/actual").await.body;
    assert_eq!((&current["cuenta"], &current["rol"]), (&"token:informes".into(), &"lector".into()));
    assert_eq!(current["caduca"], made.body["caduca"]);
    assert_eq!(program.get(&format!("/mensajes/{}", Uuid::now_v7())).await.status, 404);
    assert_eq!(program.get("/tokens").await.status, 403);
    assert_eq!(kind(&program.delete("/sesiones/actual").await), "sin-sesion");
    let password = json!({ "clave": PASSWORD, "nueva": "una clave nueva" });
    assert_eq!(program.put("/sesiones/actual/clave", &password).await.status, 403);

    let listed = proxy.admin.get("/tokens").await.body;
    let mut expected = made.body.clone();
    expected.as_object_mut().expect("an object").remove("token");
    assert_eq!(listed, json!({ "tokens": [expected] }), "without the token itself");
    let path = format!("/tokens/{}", made.body["id"].as_str().expect("an id"));
    assert_eq!(proxy.admin.delete(&path).await.status, 204);
    assert_eq!(program.get("/sesiones/actual").await.status, 401);
    assert_eq!(proxy.admin.delete(&path).await.status, 404);
    assert_eq!(proxy.admin.delete("/tokens/informes").await.status, 400);
    for days in [json!(0), json!(367), json!(-1), json!("30")] {
        let wanted = json!({ "nombre": "otro", "rol": "lector", "dias": days });
        assert_eq!(proxy.admin.post("/tokens", &wanted).await.status, 422, "{wanted}");
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn the_database_holds_no_password_and_no_token() {
    let world = World::new().await;
    let proxy = world.running().await;
    let wanted = json!({ "nombre": "informes", "rol": "lector", "dias": 30 });
    let program = proxy.admin.post("/tokens", &wanted).await.body["token"].clone();
    let session = proxy.admin.token().to_owned();
    proxy.stopped().await;
    let files = world.database_files();
    let holds = |text: &str| files.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(holds("$argon2id$") && holds("informes"), "this is the database");
    for secret in [PASSWORD, &session, program.as_str().expect("a token")] {
        assert!(!holds(secret), "{secret}");
    }
}
