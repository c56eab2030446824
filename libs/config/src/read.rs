//! Readers: what a single value should be, and the message when it is not.
//!
//! Each takes a node and gives the checked value or a sentence that says what is expected. A
//! sentence may quote a word or a number; it never quotes a URL, which could hold a password.

use std::fmt::{Debug, Display};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use terrace_domain::{NanoUsd, Score};
use url::{Host, Url};

use crate::problem::{did_you_mean, shown};
use crate::tree::{Kind, Node};
use crate::value::{ByteSize, duration_text, parse_duration};

/// A single value as text.
pub(crate) fn text(node: &Node) -> Result<String, String> {
    match &node.kind {
        Kind::Scalar(text) => Ok(text.clone()),
        Kind::Null | Kind::List(_) | Kind::Map(_) => {
            Err(format!("has to be a single value, and is {}", node.what()))
        }
    }
}

/// A text that is not empty.
pub(crate) fn word(node: &Node) -> Result<String, String> {
    let text = text(node)?;
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(text)
}

/// A checked name.
pub(crate) fn name<T>(node: &Node) -> Result<T, String>
where
    T: FromStr,
    T::Err: Display,
{
    text(node)?
        .parse()
        .map_err(|error: T::Err| error.to_string())
}

/// A list of checked names.
pub(crate) fn names<T>(node: &Node) -> Result<Vec<T>, String>
where
    T: FromStr,
    T::Err: Display,
{
    list(node)?.iter().map(name).collect()
}

/// The items of a list.
pub(crate) fn list(node: &Node) -> Result<&[Node], String> {
    match &node.kind {
        Kind::List(items) => Ok(items),
        Kind::Null | Kind::Scalar(_) | Kind::Map(_) => {
            Err(format!("has to be a list, and is {}", node.what()))
        }
    }
}

/// Yes or no, in the words of YAML 1.1 too.
pub(crate) fn boolean(node: &Node) -> Result<bool, String> {
    let text = text(node)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Ok(true),
        "false" | "no" | "off" => Ok(false),
        _ => Err(format!(
            "has to be true or false, and is `{}`",
            shown(&text)
        )),
    }
}

/// A whole number within a range.
pub(crate) fn count<T>(range: RangeInclusive<T>) -> impl Fn(&Node) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    move |node| {
        let text = text(node)?;
        let (least, most) = (range.start(), range.end());
        let number: Option<T> = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let text = shown(&text);
            format!("has to be a whole number from {least} to {most}, and is `{text}`")
        })
    }
}

/// A number within a range.
pub(crate) fn number(range: RangeInclusive<f64>) -> impl Fn(&Node) -> Result<f64, String> {
    move |node| {
        let text = text(node)?;
        let (least, most) = (range.start(), range.end());
        let number: Option<f64> = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let text = shown(&text);
            format!("has to be a number from {least} to {most}, and is `{text}`")
        })
    }
}

/// A number from 0 to 1.
pub(crate) fn score(node: &Node) -> Result<Score, String> {
    number(0.0..=1.0)(node).map(Score::clamped)
}

/// A duration with its unit within a range; a bare number is seconds.
pub(crate) fn duration(
    range: RangeInclusive<Duration>,
) -> impl Fn(&Node) -> Result<Duration, String> {
    move |node| {
        let text = text(node)?;
        let value = parse_duration(&text).ok_or_else(|| {
            let text = shown(&text);
            format!("has to be a duration as `300ms`, `5s` or `2m`, and is `{text}`")
        })?;
        if range.contains(&value) {
            return Ok(value);
        }
        let (least, most) = (duration_text(*range.start()), duration_text(*range.end()));
        let text = shown(&text);
        Err(format!("has to be from {least} to {most}, and is `{text}`"))
    }
}

/// A size in bytes within a range.
pub(crate) fn size(range: RangeInclusive<ByteSize>) -> impl Fn(&Node) -> Result<ByteSize, String> {
    move |node| {
        let text = text(node)?;
        let value: ByteSize = text.parse().map_err(|()| {
            format!(
                "has to be a size as `512KiB` or `16MiB`, and is `{}`",
                shown(&text)
            )
        })?;
        if range.contains(&value) {
            return Ok(value);
        }
        let (least, most) = (range.start(), range.end());
        let text = shown(&text);
        Err(format!("has to be from {least} to {most}, and is `{text}`"))
    }
}

/// An amount of US dollars, not negative and at most a million, exactly as its digits say.
pub(crate) fn usd(node: &Node) -> Result<NanoUsd, String> {
    const MOST: NanoUsd = NanoUsd::new(1_000_000_000_000_000);
    let text = text(node)?;
    let amount: Option<NanoUsd> = text.parse().ok().or_else(|| {
        // A number as `.5` or `1e-6`: its shortest decimal form has the digits that were meant.
        let number: f64 = text.parse().ok()?;
        number.is_finite().then(|| number.to_string())?.parse().ok()
    });
    let amount = amount.filter(|amount| (NanoUsd::ZERO..=MOST).contains(amount));
    amount.ok_or_else(|| {
        let text = shown(&text);
        format!("has to be an amount in US dollars from 0 to 1000000, as 12.50, and is `{text}`")
    })
}

/// One of a few words.
pub(crate) fn choice<T: Copy + Debug>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&Node) -> Result<T, String> {
    move |node| {
        let text = text(node)?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let (text, all, near) = (
                shown(&text),
                all.join(", "),
                did_you_mean(&text, words.iter().map(|(word, _)| *word)),
            );
            format!("has to be one of {all}, and is `{text}`{near}")
        })
    }
}

/// An address to listen at.
pub(crate) fn listen(node: &Node) -> Result<SocketAddr, String> {
    let text = text(node)?;
    text.parse().map_err(|_| {
        let text = shown(&text);
        format!("has to be an address and a port as `127.0.0.1:7600`, and is `{text}`")
    })
}

/// An http or https URL that names a host and holds no credentials.
pub(crate) fn url(node: &Node) -> Result<Url, String> {
    let text = text(node)?;
    let url = Url::parse(text.trim())
        .map_err(|error| format!("has to be a URL as `http://127.0.0.1:8080`: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("has to begin with `http://` or `https://`".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds credentials: name a variable or a file for them instead".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has to end with its path: no `?` or `#`".to_owned());
    }
    Ok(url)
}

/// A URL that is not one of the addresses where clouds keep the keys of a machine.
pub(crate) fn backend_url(node: &Node) -> Result<Url, String> {
    let url = url(node)?;
    let link_local = match url.host() {
        Some(Host::Ipv4(ip)) => is_link_local(ip.into()),
        Some(Host::Ipv6(ip)) => is_link_local(ip.into()),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("metadata.google.internal"),
        None => false,
    };
    if link_local {
        return Err("is a link-local address: no model is served there".to_owned());
    }
    Ok(url)
}

/// Whether an address is of the kind where clouds keep the keys of a machine.
#[must_use]
pub fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether a URL leads over https to a host outside, as far as its name tells.
pub(crate) fn is_public(url: &Url) -> bool {
    let outside = match url.host() {
        Some(Host::Ipv4(ip)) => !(ip.is_loopback() || ip.is_private()),
        Some(Host::Ipv6(ip)) => !(ip.is_loopback() || ip.is_unique_local()),
        Some(Host::Domain(name)) => {
            let last = name
                .trim_end_matches('.')
                .rsplit_once('.')
                .map(|(_, last)| last);
            let inside = [
                "local",
                "internal",
                "lan",
                "localhost",
                "svc",
                "test",
                "home",
            ];
            last.is_some_and(|last| !inside.contains(&last))
        }
        None => false,
    };
    url.scheme() == "https" && outside
}

/// The name of an environment variable. Never quoted: a key may have been pasted here.
pub(crate) fn variable(node: &Node) -> Result<String, String> {
    let text = text(node)?;
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = text.chars().all(letter) && !text.starts_with(|c: char| c.is_ascii_digit());
    if text.is_empty() || !named || text.len() > 128 {
        return Err("has to be the name of an environment variable, not its value".to_owned());
    }
    Ok(text)
}
