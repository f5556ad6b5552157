//! What may be configured: the doc comments are the text of `--help`.

use std::net::SocketAddr;

use clap::{ArgAction, Parser};
use reqwest::Url;
use service_kit::{Listen, caller::TrustedProxies};

/// Shows the counts of the laboratory in a browser.
#[derive(Parser, Debug, Clone)]
#[command(version)]
pub struct Config {
    /// Address and port of the panel.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:5065")]
    pub listen: SocketAddr,

    /// Where analytics answers, by plain HTTP; of several, the one to show.
    #[arg(long, env = "ANALYTICS_URL", default_value = "http://127.0.0.1:5064", value_parser = base_url)]
    pub analytics_url: Url,

    /// Where the senders answer, by plain HTTP, separated by commas.
    #[arg(
        long,
        env = "SENDER_URLS",
        default_value = "http://127.0.0.1:5046,http://127.0.0.1:5047,http://127.0.0.1:5048",
        value_delimiter = ',',
        value_parser = base_url
    )]
    pub sender_urls: Vec<Url>,

    /// Where the audit proxy answers, by plain HTTP; empty where there is none.
    #[arg(long, env = "AUDIT_URL", default_value = "", value_parser = optional_url)]
    pub audit_url: AuditUrl,

    /// Who may say in `X-Real-Ip` whom it asks for: hosts separated by commas. The panel says
    /// it to the audit proxy.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "127.0.0.1,::1")]
    pub trusted_proxies: TrustedProxies,

    /// Offer the switches that break the laboratory: 1 or 0.
    #[arg(
        long,
        env = "LAB_FAULTS",
        default_value = "0",
        value_parser = service_kit::config::switch,
        action = ArgAction::Set,
        num_args = 0..=1,
        default_missing_value = "1"
    )]
    pub lab_faults: bool,
}

/// Where the audit proxy answers, if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditUrl(pub Option<Url>);

impl Listen for Config {
    fn listen(&self) -> SocketAddr {
        self.listen
    }
}

/// Nothing, or a [`base_url`].
fn optional_url(text: &str) -> Result<AuditUrl, String> {
    if text.is_empty() {
        return Ok(AuditUrl::default());
    }
    base_url(text).map(|url| AuditUrl(Some(url)))
}

/// A URL that paths can be appended to. Only `http`: the panel has no TLS, and
/// would fail at every question otherwise.
fn base_url(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.scheme() != "http" || !url.has_host() {
        return Err("must look like http://host:port".to_owned());
    }
    // No service has passwords, and addresses are logged.
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password".to_owned());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_takes_paths_below_it() {
        for (given, expected) in [
            ("http://127.0.0.1:5064", "http://127.0.0.1:5064/reporte"),
            ("http://analiticas:5064/", "http://analiticas:5064/reporte"),
            ("http://door/analiticas?x=1", "http://door/analiticas/reporte"),
        ] {
            let url =
                base_url(given).and_then(|url| url.join("reporte").map_err(|e| e.to_string()));
            assert_eq!(url.map(String::from), Ok(expected.to_owned()), "{given}");
        }
    }

    #[test]
    fn what_the_panel_cannot_ask_is_refused() {
        for given in [
            "https://analiticas",
            "ftp://analiticas",
            "analiticas:5064",
            "http://",
            "http://ana:s3cret@analiticas",
            "http://ana@analiticas",
            "",
        ] {
            assert!(base_url(given).is_err(), "{given}");
        }
    }

    #[test]
    fn there_is_no_audit_proxy_unless_it_is_said_where() {
        assert_eq!(optional_url(""), Ok(AuditUrl(None)));
        let url = optional_url("http://auditoria:5070").map(|url| url.0.map(String::from));
        assert_eq!(url, Ok(Some("http://auditoria:5070/".to_owned())));
        assert!(optional_url("auditoria:5070").is_err());
    }

    #[test]
    fn the_switches_are_off_unless_somebody_asks_for_them() {
        let on = |arguments: &[&str]| {
            let given = ["panel"].iter().chain(arguments);
            Config::try_parse_from(given).map(|config| config.lab_faults).ok()
        };
        assert_eq!(on(&["--lab-faults="]), Some(false));
        assert_eq!(on(&["--lab-faults=0"]), Some(false));
        assert_eq!(on(&["--lab-faults=1"]), Some(true));
        assert_eq!(on(&["--lab-faults"]), Some(true));
        assert_eq!(on(&["--lab-faults=quizá"]), None);
    }
}
