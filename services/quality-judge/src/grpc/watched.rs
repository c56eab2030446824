//! An answer that is judged while it is still coming.
//!
//! Looked at when the first text comes and then each time it has grown by half, so that the work
//! for the whole stays in proportion to its length.

use std::sync::Arc;

use futures::stream::{self, Stream, TryStreamExt as _};
use terrace_domain::{Failure, FieldViolation};
use terrace_proto::common::v1::Role;
use terrace_proto::convert::text_message;
use terrace_proto::judge::v1::judge_stream_request::Event;
use terrace_proto::judge::v1::{JudgeRequest, JudgeStreamRequest, JudgeStreamResponse};
use terrace_rpc::direct::Messages;
use terrace_rpc::server::MAX_MESSAGE_BYTES;
use terrace_rpc::status::to_status;
use tonic::Status;

use super::{request, to_wire};
use crate::answer::Case;
use crate::judge::Judge;

/// The least that an answer grows by before it is looked at again.
const STEP_BYTES: usize = 64;

/// One answer, as far as it has come.
pub(super) struct Watched {
    incoming: Messages<JudgeStreamRequest>,
    judge: Arc<Judge>,
    case: Case,
    /// Bytes at which it is looked at again.
    look_at: usize,
}

impl Watched {
    /// Reads the opening.
    pub(super) async fn open(
        mut incoming: Messages<JudgeStreamRequest>,
        judge: Arc<Judge>,
        max_messages: usize,
    ) -> Result<Self, Status> {
        let first = incoming.try_next().await?;
        let first = first.and_then(|message| message.event);
        let Some(Event::Opening(opening)) = first else {
            return Err(invalid("opening", "must be the first message"));
        };
        let opening = JudgeRequest {
            output: Some(text_message(Role::Assistant, "")),
            ..opening
        };
        let case = request::from_wire(opening, max_messages);
        Ok(Self {
            incoming,
            judge,
            case: case.map_err(|failure| to_status(&failure))?,
            look_at: 1,
        })
    }

    /// A verdict for each look.
    pub(super) fn verdicts(self) -> impl Stream<Item = Result<JudgeStreamResponse, Status>> {
        stream::unfold(Some(self), |watched| async move {
            let mut watched = watched?;
            let looked = watched.next().await.transpose()?;
            let goes_on = looked.is_ok().then_some(watched);
            Some((looked, goes_on))
        })
    }

    /// Reads on until it is time for a look; `None` at the end of the answer.
    async fn next(&mut self) -> Result<Option<JudgeStreamResponse>, Status> {
        while let Some(message) = self.incoming.try_next().await? {
            let Some(Event::Delta(delta)) = message.event else {
                return Err(invalid(
                    "delta",
                    "must be set in every message but the first",
                ));
            };
            let text = &mut self.case.answer.text;
            text.push_str(&delta);
            if text.len() > MAX_MESSAGE_BYTES {
                return Err(invalid("delta", "makes the answer too long to be judged"));
            }
            if text.len() >= self.look_at {
                self.look_at = text.len() + STEP_BYTES.max(text.len() / 2);
                let verdict = self.judge.outlook(&self.case);
                return Ok(Some(JudgeStreamResponse {
                    verdict: Some(to_wire(verdict)),
                }));
            }
        }
        Ok(None)
    }
}

fn invalid(field: &str, why: &str) -> Status {
    let violation = FieldViolation {
        field: field.to_owned(),
        description: why.to_owned(),
    };
    to_status(&Failure::invalid(vec![violation]))
}
