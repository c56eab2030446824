//! Whether a call that failed can be made again without being made twice.
//!
//! Only where its callee cannot have begun with it: nobody could be connected to, the connection
//! ended before the request left, or the callee says by HTTP/2 itself that it has not looked at
//! the request. Everything else may have been done, and is for whoever knows what the call means.

use std::error::Error;

use h2::Reason;
use tonic::ConnectError;

/// Why a call never got to its callee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsent {
    /// No connection could be made.
    NotConnected,
    /// The connection was closed just then, or the callee would not take the call any more.
    Turned,
}

/// Why the call never got to its callee; `None` where it may have.
pub(super) fn unsent(error: &(dyn Error + 'static)) -> Option<Unsent> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return Some(Unsent::NotConnected);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_canceled() || error.is_closed())
        {
            return Some(Unsent::Turned);
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return is_refused(error).then_some(Unsent::Turned);
        }
        cause = error.source();
    }
    None
}

/// A stream that the peer refused, or that came after the last one it will look at.
fn is_refused(error: &h2::Error) -> bool {
    let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
    let going = error.is_go_away() && error.reason() == Some(Reason::NO_ERROR);
    error.is_remote() && (refused || going)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_done_is_not_unsent() {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(unsent(&broken), None);
        let reset = h2::Error::from(Reason::REFUSED_STREAM);
        // Ours, not the peer's.
        assert_eq!(unsent(&reset), None);
    }

    #[test]
    fn a_cause_is_found_however_deep_it_lies() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] ConnectError);
        let error = Outer(ConnectError("refused".into()));
        assert_eq!(unsent(&error), Some(Unsent::NotConnected));
    }
}
