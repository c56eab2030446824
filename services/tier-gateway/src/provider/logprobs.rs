//! Log-probabilities as most servers write them: a list of `{token, bytes, logprob, top_logprobs}`.

use serde_json::Value;

use crate::call::TokenLogprob;

/// The tokens of a list; what is no token is passed over, for they are only a help.
pub(super) fn tokens(list: &Value) -> Vec<TokenLogprob> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(token).collect()
}

fn token(value: &Value) -> Option<TokenLogprob> {
    let alternatives = value.get("top_logprobs").and_then(Value::as_array);
    let alternatives = alternatives.map(Vec::as_slice).unwrap_or_default();
    Some(TokenLogprob {
        token: bytes(value)?,
        logprob: value.get("logprob")?.as_f64()?,
        alternatives: alternatives.iter().filter_map(alternative).collect(),
    })
}

/// One alternative; it has none of its own, whatever the server says.
fn alternative(value: &Value) -> Option<TokenLogprob> {
    Some(TokenLogprob {
        token: bytes(value)?,
        logprob: value.get("logprob")?.as_f64()?,
        alternatives: vec![],
    })
}

/// The token's bytes where they are given, for it may be half a character.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    let given = value
        .get("bytes")
        .and_then(Value::as_array)
        .and_then(|bytes| {
            let byte = |value: &Value| u8::try_from(value.as_u64()?).ok();
            bytes.iter().map(byte).collect::<Option<Vec<u8>>>()
        });
    given.or_else(|| Some(value.get("token")?.as_str()?.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bytes_come_before_text_and_noise_is_passed_over() {
        let list = json!([
            {"token": "?", "bytes": [195], "logprob": -0.5,
             "top_logprobs": [{"token": "a", "logprob": -1.0}, {"token": 1}]},
            {"token": "b", "bytes": null, "logprob": -2},
            {"token": "c"}, 7]);
        let tokens = tokens(&list);
        assert_eq!(tokens.len(), 2);
        assert_eq!(
            (&*tokens[0].token, tokens[0].alternatives.len()),
            (&[195_u8][..], 1)
        );
        assert_eq!((&*tokens[1].token, tokens[1].logprob), (&b"b"[..], -2.0));
    }
}
