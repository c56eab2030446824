//! The class of an error object of a backend, whatever its shape.
//!
//! Servers agree on none: `{"error": "…"}`, `{"error": {"message", "code", "type"}}`, or the same
//! without the outer object; codes are words or numbers. Their text is looked at to learn the
//! class and then dropped: it may quote the prompt, so it goes no further, not even into a log.

use serde_json::Value;

use crate::error::Fault;

/// What an error object says, in lower case.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    message: String,
    code: String,
    kind: String,
}

impl Complaint {
    /// Reads a body; anything that is no error object says nothing.
    pub(crate) fn read(body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        Self::of(&value)
    }

    /// Reads an error object, with or without its outer object.
    pub(crate) fn of(value: &Value) -> Self {
        let inner = value.get("error").unwrap_or(value);
        if let Some(text) = inner.as_str() {
            return Self {
                message: text.to_lowercase(),
                ..Self::default()
            };
        }
        let word = |key: &str| match inner.get(key) {
            Some(Value::String(text)) => text.to_lowercase(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        Self {
            message: word("message"),
            code: word("code"),
            kind: word("type"),
        }
    }

    /// The fault, if the words name one that a status alone does not.
    pub(crate) fn named_fault(&self) -> Option<Fault> {
        if self.is_unknown_model() {
            return Some(Fault::ModelNotFound { present: vec![] });
        }
        self.is_too_long().then_some(Fault::ContextTooLong)
    }

    /// The fault of an error inside an answer that had begun well.
    pub(crate) fn inside_answer(&self) -> Fault {
        let too_much = matches!(self.code.as_str(), "429" | "529" | "rate_limit_exceeded")
            || matches!(self.kind.as_str(), "overloaded_error" | "rate_limit_error");
        if too_much {
            return Fault::RateLimited { retry_after: None };
        }
        let failed = Fault::Failed {
            status: None,
            retry_after: None,
        };
        self.named_fault().unwrap_or(failed)
    }

    fn is_unknown_model(&self) -> bool {
        const WORDS: [&str; 4] = [
            "not found",
            "does not exist",
            "no such model",
            "unknown model",
        ];
        self.code == "model_not_found"
            || (self.kind == "not_found_error" && self.message.starts_with("model"))
            || (self.message.contains("model")
                && WORDS.iter().any(|words| self.message.contains(words)))
    }

    fn is_too_long(&self) -> bool {
        const WORDS: [&str; 4] = [
            "maximum context length",
            "exceeds the available context size",
            "context length exceeded",
            "prompt is too long",
        ];
        self.code == "context_length_exceeded"
            || self.kind == "exceed_context_size_error"
            || WORDS.iter().any(|words| self.message.contains(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &str) -> Option<Fault> {
        Complaint::read(body.as_bytes()).named_fault()
    }

    #[test]
    fn every_servers_way_of_not_having_a_model_is_understood() {
        for body in [
            r#"{"error":"model 'x' not found"}"#,
            r#"{"error":{"code":400,"message":"model 'x' not found","type":"invalid_request_error"}}"#,
            r#"{"error":{"message":"The model `x` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#,
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
        ] {
            assert!(
                matches!(fault(body), Some(Fault::ModelNotFound { .. })),
                "{body}"
            );
        }
    }

    #[test]
    fn every_servers_way_of_being_too_full_is_understood() {
        for body in [
            r#"{"error":{"code":400,"message":"request (8031 tokens) exceeds the available context size (2048 tokens), try increasing it","type":"exceed_context_size_error"}}"#,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            r#"{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum","type":"invalid_request_error"}}"#,
        ] {
            assert_eq!(fault(body), Some(Fault::ContextTooLong), "{body}");
        }
    }

    #[test]
    fn other_complaints_name_nothing() {
        for body in [
            "",
            "[]",
            "404 page not found",
            r#"{"error":null}"#,
            r#"{"error":{"message":"temperature must be a number"}}"#,
        ] {
            assert_eq!(fault(body), None, "{body}");
        }
    }

    #[test]
    fn a_quota_inside_an_answer_is_a_quota() {
        let body = br#"{"error":{"code":429,"message":"slow down"}}"#;
        let fault = Complaint::read(body).inside_answer();
        assert_eq!(fault, Fault::RateLimited { retry_after: None });
    }
}
