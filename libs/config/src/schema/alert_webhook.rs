//! `cost_control.alert_webhook`: where alerts of budgets are sent to.

use std::time::Duration;

use url::Url;

use crate::decode::Section;
use crate::read::duration;
use crate::secret::{self, Keys};
use crate::value::Secret;

/// Where alerts of budgets are sent to.
#[derive(Debug, Clone)]
pub struct AlertWebhook {
    /// The address that takes them by POST. Held as a secret: whoever knows the address of a chat's
    /// webhook can write there. Default: none, nothing is sent.
    pub url: Secret,
    /// What the messages are signed with. Default: none, they are not signed.
    pub secret: Secret,
    /// For one message, from the connection to the answer. Default: 10 s.
    pub timeout: Duration,
    /// How long a message that does not arrive is sent again. Default: 1 d.
    pub give_up_after: Duration,
}

impl Default for AlertWebhook {
    fn default() -> Self {
        Self {
            url: Secret::Unset,
            secret: Secret::Unset,
            timeout: Duration::from_secs(10),
            give_up_after: Duration::from_hours(24),
        }
    }
}

impl AlertWebhook {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let url = Keys {
            value: "url",
            env: "url_env",
            file: "url_file",
        };
        let secret = Keys {
            value: "secret",
            env: "secret_env",
            file: "secret_file",
        };
        let (second, minute) = (Duration::from_secs(1), Duration::from_mins(1));
        let days = Duration::from_hours(30 * 24);
        Self {
            url: secret::read(section, url, is_address),
            secret: secret::read(section, secret, never),
            timeout: section.or("timeout", default.timeout, duration(second / 10..=minute)),
            give_up_after: section.or(
                "give_up_after",
                default.give_up_after,
                duration(second..=days),
            ),
        }
    }
}

fn is_address(text: &str) -> Result<(), String> {
    let wrong = || "has to be a URL as `https://alerts.example/terrace`".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    match matches!(url.scheme(), "http" | "https") && url.has_host() {
        true => Ok(()),
        false => Err(wrong()),
    }
}

fn never(_secret: &str) -> Result<(), String> {
    Err("stands in the file: use `secret_env` or `secret_file`".to_owned())
}
