//! By which names this machine may be asked from itself. A page of others can have its browser
//! ask here under a name of theirs (DNS rebinding), and would read the answer as its own. Who
//! comes from elsewhere was let in under whatever a network calls this machine.

use std::net::IpAddr;

use actix_web::{
    dev::ServiceRequest,
    http::{header::HOST, uri::Authority},
};

/// Whether a request may be answered under the name that it asks for. The door asks by an
/// address, whatever it was asked for itself.
pub(crate) fn is_ours(request: &ServiceRequest) -> bool {
    let is_near = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    !is_near || is_own(request)
}

fn is_own(request: &ServiceRequest) -> bool {
    if let Some(authority) = request.uri().authority() {
        return is_own_name(authority.host());
    }
    let named = request.headers().get(HOST).map(|value| value.to_str().unwrap_or("?"));
    match named.unwrap_or_default() {
        // HTTP/1.0 need not say it.
        "" => true,
        named => named.parse().is_ok_and(|named: Authority| is_own_name(named.host())),
    }
}

/// Addresses, and names that no other site can have: those without a dot, and below `localhost`
/// (RFC 6761 §6.3).
fn is_own_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok() || !name.contains('.') || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn answered(peer: &str, host: &'static str) -> bool {
        let request = TestRequest::default().peer_addr(peer.parse().expect("an address"));
        is_ours(&request.insert_header((HOST, host)).to_srv_request())
    }

    #[test]
    fn from_this_machine_only_names_of_its_own_are_answered() {
        for host in [
            "",
            "localhost",
            "LOCALHOST:5046",
            "127.0.0.1:5046",
            "[::1]:5046",
            "192.168.1.20",
            "panel.localhost",
            "maquina",
            "localhost.",
        ] {
            assert!(answered("127.0.0.1:4711", host) && answered("[::1]:4711", host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:5046",
            "localhost.evil",
            "a@evil.example",
            "a b",
        ] {
            assert!(!answered("127.0.0.1:4711", host), "{host}");
            assert!(!answered("[::ffff:127.0.0.1]:4711", host), "{host}");
            assert!(answered("192.168.1.7:4711", host), "{host}");
        }
    }
}
