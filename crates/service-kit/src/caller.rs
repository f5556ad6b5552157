//! Where a request comes from, and who acts by it: for limits, and for the log.

use std::{
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use actix_web::{
    HttpMessage, HttpRequest,
    dev::ServiceRequest,
    http::header::{FORWARDED, HeaderName},
    web::Data,
};

/// Where a trusted proxy says whom it asks for. One address: Traefik writes its peer's
/// here, over whatever came from outside.
pub static HEADER: HeaderName = HeaderName::from_static("x-real-ip");

/// Whose [`HEADER`] is believed, as hosts separated by commas: addresses or names. Of
/// everybody else the address is the connection's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedProxies(Vec<String>);

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        let hosts: Vec<_> = hosts.map(str::to_owned).collect();
        let is_host = |host: &String| {
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        };
        if hosts.iter().all(is_host) {
            return Ok(Self(hosts));
        }
        Err("must be hosts separated by commas, such as 127.0.0.1,reverse-proxy".to_owned())
    }
}

impl TrustedProxies {
    /// Names are looked up each time: a container that starts again may have another
    /// address.
    async fn include(&self, peer: IpAddr) -> bool {
        for host in &self.0 {
            let is_peer = match host.parse::<IpAddr>() {
                Ok(address) => address == peer,
                Err(_) => tokio::net::lookup_host((host.as_str(), 0))
                    .await
                    .is_ok_and(|mut found| found.any(|one| one.ip().to_canonical() == peer)),
            };
            if is_peer {
                return true;
            }
        }
        false
    }
}

/// The address that a request comes from.
#[derive(Clone, Copy, Debug)]
struct Caller(IpAddr);

/// Finds out where the request comes from, where the service has [`TrustedProxies`] among
/// its data. `Forwarded` (RFC 7239) is dropped: no proxy of ours writes it, so it is
/// whatever somebody outside wants to be taken for.
pub(crate) async fn locate(request: &mut ServiceRequest) {
    request.headers_mut().remove(FORWARDED);
    let Some(proxies) = request.app_data::<Data<TrustedProxies>>().cloned() else { return };
    let peer = peer(request.request());
    let named = request.headers().get(&HEADER).and_then(|value| value.to_str().ok());
    let Some(named) = named.and_then(|text| text.trim().parse::<IpAddr>().ok()) else { return };
    if proxies.include(peer).await {
        request.extensions_mut().insert(Caller(named.to_canonical()));
    }
}

/// The address that a request comes from.
#[must_use]
pub fn address(request: &HttpRequest) -> IpAddr {
    let named = request.extensions().get::<Caller>().map(|caller| caller.0);
    named.unwrap_or_else(|| peer(request))
}

/// A request of a test has no connection.
fn peer(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Who acts by a request.
#[derive(Clone, Debug)]
struct Actor(String);

/// Says who acts by a request: what is changed or refused then gets a line in the log,
/// with who, whence and outcome. `name` must be fit for one.
pub fn acts(request: &HttpRequest, name: &str) {
    request.extensions_mut().insert(Actor(name.to_owned()));
}

/// Who acts by a request, as far as that was [said](acts).
pub(crate) fn actor(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<Actor>().map(|actor| actor.0.clone())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn seen(peer: &str, header: Option<&str>, trusted: &str) -> String {
        let trusted: TrustedProxies = trusted.parse().expect("hosts");
        let mut request = TestRequest::default()
            .peer_addr(format!("{peer}:4711").parse().expect("an address"))
            .insert_header(("forwarded", "for=192.0.2.99"))
            .insert_header(("x-forwarded-for", "192.0.2.98"))
            .app_data(Data::new(trusted));
        if let Some(header) = header {
            request = request.insert_header((HEADER.clone(), header));
        }
        let mut request = request.to_srv_request();
        locate(&mut request).await;
        assert!(!request.headers().contains_key(FORWARDED));
        address(request.request()).to_string()
    }

    #[tokio::test]
    async fn only_a_trusted_proxy_says_whom_it_asks_for() {
        for (peer, header, trusted, expected) in [
            ("127.0.0.1", Some("192.0.2.7"), "127.0.0.1,::1", "192.0.2.7"),
            ("127.0.0.1", Some("::ffff:192.0.2.7"), "127.0.0.1", "192.0.2.7"),
            ("[::ffff:127.0.0.1]", Some("2001:db8::7"), "localhost", "2001:db8::7"),
            ("127.0.0.1", None, "127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", Some("a\tb"), "127.0.0.1", "127.0.0.1"),
            ("203.0.113.5", Some("192.0.2.7"), "127.0.0.1,localhost", "203.0.113.5"),
            ("127.0.0.1", Some("192.0.2.7"), "", "127.0.0.1"),
            ("127.0.0.1", Some("192.0.2.7"), "nobody.invalid", "127.0.0.1"),
        ] {
            assert_eq!(seen(peer, header, trusted).await, expected, "{peer} {header:?} {trusted}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in ["http://127.0.0.1", "a b", "10.0.0.0/8"] {
            assert!(bad.parse::<TrustedProxies>().is_err(), "{bad}");
        }
    }
}
