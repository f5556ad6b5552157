//! Where the management API is, and how its paths name things.

use std::{fmt, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use reqwest::Url;

/// What a segment of a path may not hold as it is: all but RFC 3986's *unreserved*.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `http://user:password@host:port`, percent-encoded, and a path where the API has a
/// prefix: behind a wrong one nothing is ever found. Neither `Debug` nor an error
/// shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ManagementUrl(Url);

impl ManagementUrl {
    /// The URL of what is at `path` below `/api/`, credentials included.
    pub(crate) fn api(&self, path: &str, query: Option<&str>) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/api/{path}", self.0.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }
}

impl FromStr for ManagementUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).ok();
        // No TLS is built in: the broker is on this machine or its network.
        let url = url.filter(|url| url.scheme() == "http" && url.has_host());
        url.filter(|url| !url.username().is_empty() && url.password().is_some())
            .map(Self)
            .ok_or_else(|| "expected http://user:password@host:port (percent-encoded)".to_owned())
    }
}

impl fmt::Display for ManagementUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        let port = self.0.port_or_known_default().unwrap_or_default();
        write!(f, "http://{}@{host}:{port}", self.0.username())
    }
}

impl fmt::Debug for ManagementUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A virtual host, as one segment of a path: percent-encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VirtualHost(String);

impl VirtualHost {
    /// That of an AMQP URL: what follows the host's slash, `/` where no slash is
    /// (as lapin reads it).
    ///
    /// # Errors
    /// When it is no URL.
    pub fn of_amqp_url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let vhost = url.path().strip_prefix('/').unwrap_or("/");
        Ok(Self(vhost.replace('/', "%2F")))
    }
}

impl fmt::Display for VirtualHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name as one segment of a path.
pub(crate) fn segment(name: &str) -> PercentEncode<'_> {
    utf8_percent_encode(name, RESERVED)
}

/// Whether a path is asked for as it stands. An empty name would lead to what is
/// above it, and so would dots, encoded or not: the rules of URLs resolve them.
pub(crate) fn can_be_asked(path: &str) -> bool {
    !path.split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        let url: ManagementUrl = "http://monitor:s3cret@h:15672".parse().expect("a url");
        assert_eq!(format!("{url:?} {url}"), "http://monitor@h:15672 http://monitor@h:15672");
        for bad in [
            "",
            "h:15672",
            "https://a:s3cret@h",
            "http://h:15672",
            "http://a@h",
            "amqp://a:s3cret@h",
        ] {
            let error = bad.parse::<ManagementUrl>().expect_err(bad);
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn questions_go_below_the_api_of_any_base() {
        for (base, wanted) in [
            ("http://m:p%40@h:15672", "http://m:p%40@h:15672/api/queues/%2F?page=1"),
            ("http://m:p@h/rabbit/?x=1", "http://m:p@h/rabbit/api/queues/%2F?page=1"),
        ] {
            let url: ManagementUrl = base.parse().expect("a url");
            assert_eq!(url.api("queues/%2F", Some("page=1")).as_str(), wanted);
        }
    }

    #[test]
    fn the_virtual_host_is_the_one_that_messages_come_from() {
        for (url, wanted) in [
            ("amqp://a:b@h/%2f", "%2f"),
            ("amqp://a:b@h:5672", "%2F"),
            ("amqp://a:b@h/test-0195", "test-0195"),
            ("amqp://a:b@h//", "%2F"),
            ("amqp://a:b@h/a%20b", "a%20b"),
        ] {
            let vhost = VirtualHost::of_amqp_url(url).expect("a url");
            assert_eq!(vhost.to_string(), wanted, "{url}");
        }
    }

    #[test]
    fn a_name_is_one_segment_whatever_it_holds() {
        for (name, wanted) in [
            ("cola_analiticas", "cola_analiticas"),
            ("/", "%2F"),
            ("a b+c%2F?#&", "a%20b%2Bc%252F%3F%23%26"),
            ("ñandú", "%C3%B1and%C3%BA"),
            ("a.b-c_d~e", "a.b-c_d~e"),
            ("línea\r\n", "l%C3%ADnea%0D%0A"),
        ] {
            assert_eq!(segment(name).to_string(), wanted);
        }
    }

    #[test]
    fn a_name_that_would_lead_elsewhere_is_not_asked_for() {
        for name in ["", ".", ".."] {
            assert!(!can_be_asked(&format!("users/{}", segment(name))), "{name}");
        }
        for name in ["...", ".a", "/", "../x"] {
            let path = format!("users/{}", segment(name));
            assert!(can_be_asked(&path), "{name}");
            let url: ManagementUrl = "http://m:p@h:1".parse().expect("a url");
            assert_eq!(url.api(&path, None).path(), format!("/api/{path}"));
        }
    }
}
