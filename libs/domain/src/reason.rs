//! The closed set of reasons why something did not work.
//!
//! Every error that crosses a service carries exactly one [`Reason`]. The table below says whose
//! fault it is and whether another candidate may still succeed; `terrace-rpc` maps each to its
//! gRPC code. Adding a reason is a decision: it becomes part of the public interface.

use std::fmt;
use std::str::FromStr;

/// Who has to act before the same call can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller sent something that cannot work.
    Caller,
    /// A limit or rule that somebody configured says no.
    Policy,
    /// The model server behind a gateway.
    Backend,
    /// Terrace itself, or what it runs on.
    Terrace,
}

/// Defines [`Reason`] from one table: variant, wire name, fault, may another candidate be tried.
macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $fault:ident, $fall_back:literal;)+) => {
        /// Why a call failed: closed, stable, the same in code, wire, metrics and docs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $variant,)+
        }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire (`google.rpc.ErrorInfo.reason`), in metrics and in docs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Who has to act.
            #[must_use]
            pub const fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)+ }
            }

            /// Whether a request that failed for this reason may go on with its next candidate.
            #[must_use]
            pub const fn may_fall_back(self) -> bool {
                match self { $(Self::$variant => $fall_back,)+ }
            }
        }
    };
}

reasons! {
    /// One or more fields are wrong; each is named in the `BadRequest` detail.
    InvalidRequest = "INVALID_REQUEST", Caller, false;
    /// The rpc exists in the contract and is not built yet.
    NotImplemented = "NOT_IMPLEMENTED", Caller, false;
    /// No valid key came with the call.
    Unauthenticated = "UNAUTHENTICATED", Caller, false;
    /// The key is valid and may not do this.
    PermissionDenied = "PERMISSION_DENIED", Caller, false;
    /// What was asked for by name does not exist.
    NotFound = "NOT_FOUND", Caller, false;
    /// The `request_id` was used before for this project.
    RequestIdUsed = "REQUEST_ID_USED", Caller, false;
    /// The caller went away or cancelled.
    Cancelled = "CANCELLED", Caller, false;
    /// The caller's deadline passed.
    DeadlineExceeded = "DEADLINE_EXCEEDED", Caller, false;

    /// A budget has too little left for the worst case of this step.
    BudgetExhausted = "BUDGET_EXHAUSTED", Policy, true;
    /// Too much is in flight; the `RetryInfo` detail says when to come back.
    Overloaded = "OVERLOADED", Policy, true;
    /// The plan is empty: every model was left out, each for a stated reason.
    NoCandidate = "NO_CANDIDATE", Policy, false;
    /// Policy `strict`, and no answer reached the wanted quality.
    QualityNotReached = "QUALITY_NOT_REACHED", Policy, false;

    /// The backend does not know the model.
    ModelNotFound = "MODEL_NOT_FOUND", Backend, true;
    /// No connection to the backend could be made.
    BackendUnreachable = "BACKEND_UNREACHABLE", Backend, true;
    /// The backend did not answer, or stopped talking, within its time-out.
    BackendTimeout = "BACKEND_TIMEOUT", Backend, true;
    /// The backend said 429 (or 529): too many calls, or out of quota.
    BackendRateLimited = "BACKEND_RATE_LIMITED", Backend, true;
    /// The backend failed (5xx, or an error inside a 200).
    BackendFailed = "BACKEND_FAILED", Backend, true;
    /// The backend refused this request as wrong (400, 413, 422).
    BackendRejected = "BACKEND_REJECTED", Backend, true;
    /// The backend does not accept the configured credentials (401, 403).
    BackendUnauthorized = "BACKEND_UNAUTHORIZED", Backend, true;
    /// The backend's bytes are not what its protocol promises.
    BackendMalformed = "BACKEND_MALFORMED", Backend, true;
    /// The answer ended before its terminator.
    Truncated = "TRUNCATED", Backend, true;
    /// Prompt and wanted output do not fit the model's context window.
    ContextTooLong = "CONTEXT_TOO_LONG", Backend, true;
    /// The model cannot do what the request needs (images, tools, JSON Schema, …).
    CapabilityMissing = "CAPABILITY_MISSING", Backend, true;

    /// Every candidate of the plan was tried and failed; the attempts are in the detail.
    AllAttemptsFailed = "ALL_ATTEMPTS_FAILED", Terrace, false;
    /// The ledger cannot write, so nothing that costs money is called.
    LedgerUnavailable = "LEDGER_UNAVAILABLE", Terrace, true;
    /// A service of Terrace cannot be reached.
    ServiceUnavailable = "SERVICE_UNAVAILABLE", Terrace, true;
    /// The service is draining; another replica, or the same one a little later, will answer.
    ShuttingDown = "SHUTTING_DOWN", Terrace, true;
    /// A defect of Terrace. The details are in its log under the trace id, never in the answer.
    Internal = "INTERNAL", Terrace, true;
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is not in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown reason {0:?}")]
pub struct UnknownReason(pub String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == name)
            .ok_or_else(|| UnknownReason(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_again_by_its_name() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
    }

    #[test]
    fn a_name_outside_the_table_is_refused() {
        assert_eq!(
            "TEAPOT".parse::<Reason>(),
            Err(UnknownReason("TEAPOT".into()))
        );
    }

    #[test]
    fn a_callers_own_fault_never_starts_another_attempt() {
        for reason in Reason::ALL {
            if reason.fault() == Fault::Caller {
                assert!(!reason.may_fall_back(), "{reason}");
            }
        }
    }
}
