//! Exit codes that a script can use; `terrace route --help` lists them.

use std::process::ExitCode;

use terrace_domain::Reason;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; an answer passed.
    Fine,
    /// Anything that has no code of its own.
    Other,
    /// Wrong usage, or a request that was refused as invalid.
    Usage,
    /// There is an answer, and it did not pass.
    NotPassed,
    /// There is no answer.
    NoAnswer,
    /// A budget is exhausted.
    Budget,
    /// The time was over.
    Deadline,
    /// The server cannot be reached.
    Unreachable,
    /// The config is wrong.
    Config,
}

impl Exit {
    /// The exit of a call that failed for `reason`.
    pub(crate) const fn of(reason: Reason) -> Self {
        match reason {
            Reason::InvalidRequest
            | Reason::NotImplemented
            | Reason::Unauthenticated
            | Reason::PermissionDenied
            | Reason::NotFound
            | Reason::RequestIdUsed => Self::Usage,
            Reason::BudgetExhausted => Self::Budget,
            Reason::DeadlineExceeded => Self::Deadline,
            Reason::ServiceUnavailable | Reason::ShuttingDown => Self::Unreachable,
            Reason::Cancelled | Reason::Overloaded | Reason::Internal => Self::Other,
            Reason::NoCandidate
            | Reason::QualityNotReached
            | Reason::ModelNotFound
            | Reason::BackendUnreachable
            | Reason::BackendTimeout
            | Reason::BackendRateLimited
            | Reason::BackendFailed
            | Reason::BackendRejected
            | Reason::BackendUnauthorized
            | Reason::BackendMalformed
            | Reason::Truncated
            | Reason::ContextTooLong
            | Reason::CapabilityMissing
            | Reason::AllAttemptsFailed
            | Reason::LedgerUnavailable => Self::NoAnswer,
        }
    }

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Other => terrace_rpc::process::EXIT_FAILED,
            Self::Usage => 2,
            Self::NotPassed => 3,
            Self::NoAnswer => 4,
            Self::Budget => 5,
            Self::Deadline => 6,
            Self::Unreachable => 7,
            Self::Config => terrace_rpc::process::EXIT_CONFIG,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_failure_looks_like_success() {
        for reason in Reason::ALL {
            assert_ne!(Exit::of(*reason).code(), 0, "{reason}");
        }
    }

    #[test]
    fn the_codes_are_those_of_the_help() {
        let code = |reason| Exit::of(reason).code();
        assert_eq!(code(Reason::Internal), 1);
        assert_eq!(code(Reason::InvalidRequest), 2);
        assert_eq!(Exit::NotPassed.code(), 3);
        assert_eq!(code(Reason::AllAttemptsFailed), 4);
        assert_eq!(code(Reason::BudgetExhausted), 5);
        assert_eq!(code(Reason::DeadlineExceeded), 6);
        assert_eq!(code(Reason::ServiceUnavailable), 7);
        assert_eq!(Exit::Config.code(), 78);
    }
}
