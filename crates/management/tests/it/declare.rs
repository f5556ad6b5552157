//! Declarations: repeatable, and refused where there is something else.

use management::{Arguments, Exchange, Rights};
use serde_json::json;
use test_support::Vhost;

use super::{address, management, management_as};

const QUORUM: [(&str, &str); 2] = [("x-queue-type", "quorum"), ("x-overflow", "reject-publish")];

fn arguments() -> Arguments {
    QUORUM.iter().map(|&(name, value)| (name.to_owned(), json!(value))).collect()
}

#[tokio::test]
async fn what_is_declared_twice_is_there_once_and_routes() {
    let vhost = Vhost::create().await;
    let management = management(&vhost);
    let exchange = Exchange { name: "salida", kind: "direct" };
    for _ in 0..2 {
        management.declare_exchange(exchange).await.expect("declared");
        management.declare_queue("buzon", &arguments()).await.expect("declared");
        management.bind("salida", "buzon", "ana").await.expect("bound");
    }
    assert_eq!(vhost.bound_to("salida").await, [("buzon".to_owned(), "ana".to_owned())]);
    vhost.publish("salida", "ana", json!({}), "{}").await;
    vhost.wait_for_queue("buzon", 1, 0).await;
}

#[tokio::test]
async fn what_exists_otherwise_is_refused_and_stays() {
    let vhost = Vhost::create().await;
    let management = management(&vhost);
    vhost.declare_exchange("salida", "fanout").await;
    vhost.declare_queue("buzon", json!({ "x-queue-type": "quorum" })).await;
    let exchange = Exchange { name: "salida", kind: "direct" };
    let error = management.declare_exchange(exchange).await.expect_err("another type");
    assert!(error.is_other_arguments(), "{error}");
    let error = management.declare_queue("buzon", &arguments()).await.expect_err("one more");
    assert!(error.is_other_arguments() && error.to_string().contains("x-overflow"), "{error}");
    let error = management.bind("salida", "nada", "ana").await.expect_err("no queue");
    assert!(!error.is_other_arguments(), "{error}");
    assert!(vhost.bound_to("salida").await.is_empty());
}

/// A user with no more rights than what its declarations need.
#[tokio::test]
async fn whoever_may_declare_certain_names_may_declare_no_others() {
    let vhost = Vhost::create().await;
    let user = vhost.create_user("clave").await;
    let administrator = management(&vhost);
    let rights = Rights {
        configure: "^(salida|dlx|buzon_.*)$".to_owned(),
        write: "^(dlx|buzon_.*)$".to_owned(),
        read: "^(salida|buzon_.*)$".to_owned(),
    };
    administrator.permit(&user, &rights).await.expect("permitted");
    let password = management::Password::new("clave");
    administrator.put_user(&user, &password, &["administrator"]).await.expect("put");
    let registrar = management_as(&vhost, &user, "clave", &address());
    let exchange = |name| Exchange { name, kind: "fanout" };
    for name in ["salida", "dlx"] {
        registrar.declare_exchange(exchange(name)).await.expect("declared");
    }
    let mut arguments = arguments();
    arguments.insert("x-dead-letter-exchange".to_owned(), json!("dlx"));
    registrar.declare_queue("buzon_a", &arguments).await.expect("declared");
    registrar.bind("salida", "buzon_a", "a").await.expect("bound");
    for refused in [
        registrar.declare_exchange(exchange("otro")).await,
        registrar.declare_queue("cola", &arguments).await,
        registrar.bind("dlx", "buzon_a", "a").await,
    ] {
        assert!(refused.as_ref().is_err_and(management::Error::is_refused), "{refused:?}");
    }
    administrator.delete_user(&user).await.expect("an answer");
}
