//! Ids that were used before: the ledger remembers them when no answer is kept any more.
//!
//! A request that the ledger knows is not answered again, whatever became of it: that is what
//! keeps an id from being charged twice. Its caller is told what became of it, and who used one
//! id for two requests is told that.

use std::time::Duration;

use terrace_domain::{Failure, Reason, RequestId};

use crate::ports::{Call, KnownEnd, KnownRequest};
use crate::request::Request;
use crate::route::Router;

/// How long the ledger may take to look a request up.
const FIND_TIMEOUT: Duration = Duration::from_secs(5);

impl Router {
    /// Refuses a request whose id the ledger knows; one that it cannot look up is not answered.
    pub(super) async fn refuse_used_id(&self, request: &Request) -> Result<(), Failure> {
        if request.body.is_none() {
            return Ok(());
        }
        let call = Call::within(FIND_TIMEOUT);
        let known = self.ports.ledger.find(request, call).await?;
        known.map_or(Ok(()), |known| Err(refusal(request, &known)))
    }
}

fn refusal(request: &Request, known: &KnownRequest) -> Failure {
    let is_other = known
        .body
        .is_some_and(|before| request.body != Some(before));
    if is_other {
        return other_body(request.id);
    }
    let cost = known.cost;
    let told = match &known.end {
        None => format!("it is still open and has cost {cost} so far"),
        Some(KnownEnd::Answered { tier, passed: true }) => {
            format!("it was answered by {tier}, passed, and cost {cost}")
        }
        Some(KnownEnd::Answered {
            tier,
            passed: false,
        }) => format!("it was answered by {tier}, did not pass, and cost {cost}"),
        Some(KnownEnd::Failed) => format!("it ended without an answer and cost {cost}"),
        Some(KnownEnd::Cancelled) => {
            format!("its caller left or its deadline passed, and it cost {cost}")
        }
        Some(KnownEnd::Presumed) => {
            format!("its orchestrator died, and its cost is presumed to be {cost}")
        }
    };
    Failure::new(
        Reason::RequestIdUsed,
        format!(
            "request_id {} was used before: {told}. To ask anew, give it a new id",
            request.id
        ),
    )
}

/// One id for two requests.
pub(crate) fn other_body(id: RequestId) -> Failure {
    Failure::new(
        Reason::RequestIdUsed,
        format!(
            "request_id {id} was used before for another request: give this one an id of its own"
        ),
    )
}
