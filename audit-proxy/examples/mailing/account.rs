//! Who a system is at the broker.

use std::str::FromStr;

use broker::AmqpUrl;
use percent_encoding::percent_decode_str;
use reqwest::Url;

/// Where the broker is, and as which user. Neither is ever printed with the password.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The broker's address.
    pub(crate) url: AmqpUrl,
    /// The user, whom every message must name.
    pub(crate) user: String,
}

impl FromStr for Account {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: AmqpUrl = text.parse()?;
        let user = user(text).ok_or("expected a user: amqp://user:password@host:port/vhost")?;
        Ok(Self { url, user })
    }
}

fn user(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let user = percent_decode_str(url.username()).decode_utf8().ok()?;
    (!user.is_empty()).then(|| user.into_owned())
}
