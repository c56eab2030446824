//! The way in over HTTP, as code that was written for OpenAI takes it.
//!
//! Nobody kills the edge, so that whatever is no answer and no refusal in OpenAI's shape (a silence, a
//! broken connection, a body that says nothing, a status 500) is a defect, and told as one.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use terrace_domain::{Failure, NanoUsd, Reason};
use tokio::time::timeout;

use super::{Answer, CALL, Question};

/// How much longer than its time a call may take on a busy machine.
const GRACE: Duration = Duration::from_secs(10);
/// Connections that are kept while nobody asks: few, as each is a descriptor of the edge's.
const KEPT: usize = 4;
/// How long they are: less than an edge keeps a connection that says nothing.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// The edge, as its clients know it; cheap to clone.
#[derive(Debug, Clone)]
pub struct Edge {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    patience: Duration,
}

impl Edge {
    /// The edge at `url`, which says nothing for `silence` at most while its process is stopped.
    #[must_use]
    pub fn new(url: &str, silence: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT)
            .build_http();
        Self {
            client,
            url: format!("{url}/v1/chat/completions"),
            patience: CALL + silence + GRACE,
        }
    }

    /// Asks for a chat completion, once.
    pub(super) async fn complete(&self, question: &Question) -> Result<Answer, Failure> {
        match timeout(self.patience, self.post(question)).await {
            Ok(Ok(reply)) if reply.status == StatusCode::OK => reply.answer(),
            Ok(Ok(reply)) => Err(reply.refusal()),
            Ok(Err(error)) => Err(defect(format!("no whole reply over HTTP: {error:#}"))),
            Err(_) => Err(defect(format!("no reply within {:?}", self.patience))),
        }
    }

    async fn post(&self, question: &Question) -> anyhow::Result<Reply> {
        let mut request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("x-terrace-timeout", format!("{}s", CALL.as_secs()));
        if let Some(id) = question.own_id {
            request = request.header("x-terrace-request-id", id.to_string());
        }
        let request = request.body(Full::from(question.completion().to_string()))?;
        let (head, body) = self.client.request(request).await?.into_parts();
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }
}

/// A whole reply.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// What a completion says beyond OpenAI's API.
#[derive(Deserialize)]
struct Completion {
    terrace: Told,
}

#[derive(Deserialize)]
struct Told {
    request_id: String,
    passed: bool,
    cost_nano_usd: i64,
    attempts: Vec<ToldAttempt>,
}

#[derive(Deserialize)]
struct ToldAttempt {
    outcome: String,
    cost_nano_usd: i64,
}

/// An error in OpenAI's shape.
#[derive(Deserialize)]
struct Refused {
    error: Why,
}

#[derive(Deserialize)]
struct Why {
    message: String,
    terrace: WhyTold,
}

#[derive(Deserialize)]
struct WhyTold {
    reason: String,
}

impl Reply {
    /// The answer, if headers and body tell the same of it.
    fn answer(&self) -> Result<Answer, Failure> {
        let told: Completion = self.json()?;
        let told = told.terrace;
        let named = [
            ("x-terrace-request-id", told.request_id.clone()),
            ("x-terrace-passed", told.passed.to_string()),
            ("x-terrace-cost-nano-usd", told.cost_nano_usd.to_string()),
            ("x-terrace-attempts", told.attempts.len().to_string()),
        ];
        for (name, value) in named {
            let header = self.headers.get(name).map(|header| header.as_bytes());
            if header != Some(value.as_bytes()) {
                let text = format!("{name} is {header:?} and the body says {value}");
                return Err(defect(text));
            }
        }
        let attempts = told.attempts.into_iter();
        Ok(Answer {
            request_id: told.request_id,
            passed: told.passed,
            cost: NanoUsd::new(told.cost_nano_usd),
            attempts: attempts
                .map(|one| (one.outcome, NanoUsd::new(one.cost_nano_usd)))
                .collect(),
        })
    }

    /// Why there is no answer.
    fn refusal(&self) -> Failure {
        let why = match self.json::<Refused>() {
            Ok(refused) => refused.error,
            Err(defect) => return defect,
        };
        match why.terrace.reason.parse() {
            Ok(reason) if self.status != StatusCode::INTERNAL_SERVER_ERROR => {
                Failure::new(reason, why.message)
            }
            _ => defect(format!("{}: {}", self.status, why.message)),
        }
    }

    fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let text = String::from_utf8_lossy(&self.body);
            defect(format!("{} with {text:?}: {error}", self.status))
        })
    }
}

fn defect(text: String) -> Failure {
    Failure::new(Reason::Internal, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use serde_json::{Value, json};

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &Value) -> Reply {
        let pairs = headers.iter();
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: pairs
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect(),
            body: body.to_string().into(),
        }
    }

    fn answered(id: &'static str) -> Reply {
        let headers = [
            ("x-terrace-request-id", id),
            ("x-terrace-passed", "true"),
            ("x-terrace-cost-nano-usd", "7"),
            ("x-terrace-attempts", "1"),
        ];
        let attempts = json!([{"outcome": "accepted", "cost_nano_usd": 7}]);
        let told = json!({
            "request_id": "a", "passed": true, "cost_nano_usd": 7, "attempts": attempts,
        });
        reply(200, &headers, &json!({"terrace": told}))
    }

    #[test]
    fn an_answer_is_what_its_headers_and_its_body_say_alike() {
        let answer = answered("a").answer().unwrap();
        assert_eq!(answer.request_id, "a");
        let attempt = ("accepted".to_owned(), NanoUsd::new(7));
        assert_eq!(answer.attempts, [attempt]);
        assert_eq!(answered("b").answer().unwrap_err().reason, Reason::Internal);
    }

    #[test]
    fn a_refusal_without_a_reason_and_a_status_500_are_defects() {
        let refused = |status: u16, reason: &str| {
            let error = json!({"message": "x", "terrace": {"reason": reason}});
            reply(status, &[], &json!({"error": error}))
                .refusal()
                .reason
        };
        let away = "LEDGER_UNAVAILABLE";
        assert_eq!(refused(503, away), Reason::LedgerUnavailable);
        assert_eq!(refused(500, away), Reason::Internal);
        assert_eq!(refused(503, "because"), Reason::Internal);
        let silent = reply(503, &[], &json!("no upstream")).refusal();
        assert_eq!(silent.reason, Reason::Internal);
    }
}
