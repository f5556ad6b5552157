//! What becomes of a request that is not answered as it should be.

use management::{Error, MAX_BODY, Password, Reason};
use test_support::{CutProxy, Vhost};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{address, management_as};

/// A password, and what it looks like in a header.
const SECRETS: [&str; 2] = ["s3cret", "czNjcmV0"];

/// What comes of asking, and of telling, the API at `address`.
async fn errors(vhost: &Vhost, user: &str, address: &str) -> [Error; 3] {
    let management = management_as(vhost, user, "s3cret", address);
    let password = Password::new("s3cret");
    [
        management.queue("cola").await.expect_err("queue"),
        management.put_user("nadie", &password, &[]).await.expect_err("put"),
        management.delete_user("nadie").await.expect_err("delete"),
    ]
}

fn hold_no_secret(errors: &[Error]) {
    for error in errors {
        let shown = format!("{error} {error:?}");
        assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_named_by_nobody() {
    let vhost = Vhost::create().await;
    let errors = errors(&vhost, "guest", &address()).await;
    assert!(errors.iter().all(|error| error.is_refused() && !error.is_away()), "{errors:?}");
    let put = errors[1].to_string();
    let wanted = format!("PUT /api/users/nadie at http://guest@{}: answered 401 (", address());
    assert!(put.starts_with(&wanted), "{put}");
    hold_no_secret(&errors);
}

#[tokio::test]
async fn an_api_that_is_not_there_is_away() {
    let vhost = Vhost::create().await;
    let line = CutProxy::to(address()).await.expect("a free port");
    line.cut();
    for address in ["127.0.0.1:1".to_owned(), line.address().to_string()] {
        let errors = errors(&vhost, "guest", &address).await;
        assert!(errors.iter().all(|error| error.is_away() && !error.is_refused()), "{errors:?}");
        assert!(errors[0].to_string().contains("out of reach: "), "{}", errors[0]);
        hold_no_secret(&errors);
    }
}

#[tokio::test]
async fn an_api_that_says_nothing_is_away_after_the_deadline() {
    let vhost = Vhost::create().await;
    let line = CutProxy::to(address()).await.expect("a free port");
    line.silence();
    let management = management_as(&vhost, "guest", "s3cret", &line.address().to_string());
    let error = management.queue("cola").await.expect_err("silence");
    assert_eq!(error.reason, Reason::TimedOut);
    assert!(error.is_away() && error.to_string().ends_with("no answer within 2 s"), "{error}");
    hold_no_secret(&[error]);
}

/// Answers whoever comes with `answer`; its address.
async fn answering(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            // One read holds such a short request, and who has enough hangs up.
            let _ = peer.read(&mut [0; 1024]).await;
            let _ = peer.write_all(&answer).await;
        }
    });
    address
}

async fn reason_of(vhost: &Vhost, status: &str, body: &[u8]) -> Reason {
    let head =
        format!("HTTP/1.1 {status}\r\nlocation: /\r\ncontent-length: {}\r\n\r\n", body.len());
    let address = answering([head.as_bytes(), body].concat()).await;
    let management = management_as(vhost, "guest", "s3cret", &address);
    management.queue("cola").await.expect_err(status).reason
}

#[tokio::test]
async fn an_answer_that_was_not_agreed_on_is_an_error() {
    let vhost = Vhost::create().await;
    let long = vec![b' '; MAX_BODY + 1];
    let status = |status| Reason::Status { status, said: String::new() };
    for (answered, body, wanted) in [
        ("200 OK", &long[..], Reason::TooLarge),
        ("200 OK", b"<html>", Reason::NotUnderstood),
        ("200 OK", b"[]", Reason::NotUnderstood),
        ("302 Found", b"", status(302)),
        ("500 Internal Server Error", &long[..], status(500)),
    ] {
        assert_eq!(reason_of(&vhost, answered, body).await, wanted, "{answered}");
    }
}
