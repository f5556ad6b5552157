//! The management crate against a real RabbitMQ, in a vhost of each test's own
//! and with users of its own.

mod answers;
mod declare;
mod queues;
mod users;

use management::{Management, VirtualHost};
use test_support::Vhost;

/// Where the management API is, `host:port`.
fn address() -> String {
    let url = std::env::var("RELEVO_TEST_MANAGEMENT").expect("run by `cargo lab test`");
    url.trim_start_matches("http://").to_owned()
}

/// The API at `address`, asked by `user` with a percent-encoded `password`.
fn management_as(vhost: &Vhost, user: &str, password: &str, address: &str) -> Management {
    let url = format!("http://{user}:{password}@{address}").parse().expect("a URL");
    let vhost = VirtualHost::of_amqp_url(&vhost.url()).expect("a URL");
    Management::new(&url, &vhost).expect("a client")
}

/// The API, asked by the administrator.
fn management(vhost: &Vhost) -> Management {
    management_as(vhost, "guest", "guest", &address())
}
