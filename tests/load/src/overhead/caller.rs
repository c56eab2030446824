//! Whoever asks a subject, over whichever wire.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::{grpc, http, words};

/// How a stream came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streamed {
    /// From the call to the first text.
    pub(crate) first: Duration,
    /// Events that had text.
    pub(crate) events: usize,
    /// All text, in bytes.
    pub(crate) text: usize,
}

/// Where a subject is asked.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// By chat completions.
    Http(Arc<http::Target>),
    /// By Terrace's own rpcs, at an address as `http://127.0.0.1:7600`.
    Grpc(String),
}

impl Target {
    /// Opens a connection.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) async fn connect(&self) -> anyhow::Result<Caller> {
        Ok(match self {
            Self::Http(target) => Caller::Http(http::Caller::connect(Arc::clone(target)).await?),
            Self::Grpc(url) => Caller::Grpc(grpc::Caller::connect(url)?),
        })
    }
}

/// A connection to a subject.
#[derive(Debug)]
pub(crate) enum Caller {
    Http(http::Caller),
    Grpc(grpc::Caller),
}

impl Caller {
    /// Asks for a whole answer, and checks it.
    ///
    /// # Errors
    /// There was none, or it is not the one that the backend gave.
    pub(crate) async fn ask(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Http(caller) => caller.ask().await,
            Self::Grpc(caller) => caller.ask().await,
        }
    }

    /// Asks for a stream and reads it to its end.
    ///
    /// # Errors
    /// There was none, or it did not end as it should.
    pub(crate) async fn stream(&mut self) -> anyhow::Result<Streamed> {
        match self {
            Self::Http(caller) => caller.stream().await,
            Self::Grpc(caller) => caller.stream().await,
        }
    }

    /// Whether the subject does the same work as all others: the whole text and what it cost, and a
    /// stream of the whole text; what differs is told. The backend has to give whole answers.
    ///
    /// # Errors
    /// It gives no answer at all.
    pub(crate) async fn differs(&mut self) -> anyhow::Result<Vec<String>> {
        let mut told = Vec::new();
        if let Self::Http(caller) = self {
            let body: serde_json::Value = serde_json::from_slice(&caller.read().await?)?;
            let text = &body["choices"][0]["message"]["content"];
            ensure!(
                *text == words::answer(words::TOKENS),
                "another text: {text}"
            );
            let counted = &body["usage"]["completion_tokens"];
            if *counted != words::TOKENS {
                told.push(format!("counts {counted} tokens of {}", words::TOKENS));
            }
            // Terrace alone says what its judge thought.
            if body["terrace"]["passed"] == false {
                told.push("the judge did not pass it".to_owned());
            }
        }
        self.ask().await?;
        let streamed = self.stream().await.context("streamed")?;
        let whole = words::answer(words::TOKENS).len();
        if streamed.text != whole {
            told.push(format!("streams {} bytes of {whole}", streamed.text));
        }
        if streamed.events != words::TOKENS {
            let (events, tokens) = (streamed.events, words::TOKENS);
            told.push(format!("{events} events for {tokens} tokens"));
        }
        Ok(told)
    }
}
