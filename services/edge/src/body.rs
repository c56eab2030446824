//! Reads the body of a request as JSON: of the right type, not too large, not too slow.
//!
//! The type matters beyond order: a page that a browser opened may send a body of plain text to any
//! address without asking, but not one of JSON.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use terrace_domain::Violations;

use crate::config::Settings;
use crate::refusal::Refusal;

/// Reads and decodes the body.
pub(crate) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    settings: &Settings,
) -> Result<T, Refusal> {
    if !is_json(headers) {
        return Err(Refusal::http(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body has to be JSON and to say so: send `content-type: application/json`",
        ));
    }
    decode(&read(body, settings.max_body_bytes, settings.body_timeout).await?)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The bytes of the body, as far as they are allowed.
pub(crate) async fn read(body: Body, most: usize, patience: Duration) -> Result<Bytes, Refusal> {
    let too_large = || {
        let text = format!("the body has more than {most} bytes, which is all that is taken");
        Refusal::http(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    // What a body says of its own size is enough to refuse it unread.
    let announced = http_body::Body::size_hint(&body).lower();
    if announced > most as u64 {
        return Err(too_large());
    }
    let collected = Limited::new(body, most).collect();
    let Ok(collected) = tokio::time::timeout(patience, collected).await else {
        let text = format!("the body did not arrive within {patience:?}");
        return Err(Refusal::http(StatusCode::REQUEST_TIMEOUT, text));
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Refusal::http(
            StatusCode::BAD_REQUEST,
            "the body ended before its end",
        )),
    }
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    // A list would be taken for the fields of an object in their order.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Err(Refusal::field("body", "has to be a JSON object"));
    }
    // To note the way to each value costs as much as to read it, so only what is wrong is read so.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let read = T::deserialize(serde_path_to_error::Deserializer::new(
        &mut json, &mut track,
    ));
    let read = read.and_then(|value| json.end().map(|()| value));
    read.map_err(|error| {
        let path = track.path().to_string();
        let mut noted = Violations::new();
        // What is wrong with the body as a whole has no path.
        let field = match path.as_str() {
            "." | "?" => "body",
            path => path,
        };
        let told = without_what_was_sent(&error.to_string());
        noted.add(field, told.as_str());
        match noted.finish() {
            Err(failure) => failure.into(),
            Ok(()) => Refusal::http(StatusCode::BAD_REQUEST, told),
        }
    })
}

/// An error of serde's without the text that it quotes: that may be a prompt in the wrong place, and
/// errors are kept and shown around.
fn without_what_was_sent(error: &str) -> String {
    for (before, after, instead) in [
        (": string \"", "\", expected ", ": a string, expected "),
        (
            "unknown variant `",
            "`, expected ",
            "unknown value, expected ",
        ),
    ] {
        if let Some((what, rest)) = error.split_once(before)
            && let Some((_, wanted)) = rest.rsplit_once(after)
        {
            return format!("{what}{instead}{wanted}");
        }
    }
    error.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Wanted {
        #[serde(default)]
        messages: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "read for its type alone")]
        role: String,
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let refusal =
            decode::<Wanted>(br#"{"messages": [{"role": "a"}, {"role": 1}]}"#).unwrap_err();
        assert_eq!(refusal.failure.fields[0].field, "messages[1].role");
    }

    #[test]
    fn a_text_in_the_wrong_place_is_not_repeated() {
        let sent = br#"{"messages": "a secret \", expected nothing"}"#;
        let refusal = decode::<Wanted>(sent).unwrap_err();
        let told = &refusal.failure.fields[0].description;
        assert!(
            told.starts_with("invalid type: a string, expected a sequence"),
            "{told}"
        );
        assert!(!told.contains("secret"), "{told}");
        let variant = "unknown variant `a secret`, expected one of `a`, `b` at line 1";
        assert_eq!(
            without_what_was_sent(variant),
            "unknown value, expected one of `a`, `b` at line 1"
        );
        let number = "invalid type: integer `1`, expected a string";
        assert_eq!(without_what_was_sent(number), number);
    }

    #[test]
    fn bytes_that_are_no_json_are_refused() {
        for bytes in [
            &b""[..],
            b"{",
            b"{} {}",
            b"\xff",
            b"{\"messages\": [], \"messages\": []}",
            "[".repeat(100_000).as_bytes(),
        ] {
            assert_eq!(decode::<Wanted>(bytes).unwrap_err().status(), 400);
        }
        assert_eq!(
            decode::<Wanted>(b"{\"other\": 1}").unwrap().messages.len(),
            0
        );
    }

    #[test]
    fn only_a_body_that_says_so_is_json() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            is_json(&headers)
        };
        assert!(of("application/json") && of("Application/JSON; charset=utf-8"));
        assert!(!of("text/plain") && !of("application/jsonp") && !is_json(&HeaderMap::new()));
    }
}
