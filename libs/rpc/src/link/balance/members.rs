//! The replicas of a callee, as its name tells them, and what a new answer changes.
//!
//! An address that stays keeps its connection and what was seen of it. One that is gone is let go:
//! calls on it finish. That nobody is there at all is believed only where nobody answers either,
//! and a name service that fails changes nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use super::replica::{Replica, Standing};
use crate::link::resolve::Answer;

/// What is known of who is there.
#[derive(Debug, Clone)]
pub(super) enum Members {
    /// The name was not asked for yet.
    Unasked,
    /// The name service has never answered.
    Failed(String),
    /// These; none where the callee has no replica.
    Known(Arc<[Arc<Replica>]>),
}

impl Members {
    pub(super) fn known(&self) -> &[Arc<Replica>] {
        match self {
            Self::Known(replicas) => replicas,
            Self::Unasked | Self::Failed(_) => &[],
        }
    }

    /// What is known after `answer`; `None` where that is the same as before.
    pub(super) fn after(
        &self,
        answer: Answer,
        port: u16,
        make: impl Fn(SocketAddr) -> Arc<Replica>,
    ) -> Option<Self> {
        let before = self.known();
        let addresses = match answer {
            Answer::Addresses(addresses) => addresses,
            Answer::Failed(why) => {
                return match self {
                    Self::Known(_) => None,
                    Self::Unasked | Self::Failed(_) => Some(Self::Failed(why)),
                };
            }
        };
        let listed: Vec<SocketAddr> = match addresses.as_slice() {
            [] => still_there(before),
            some => some.iter().map(|ip| SocketAddr::new(*ip, port)).collect(),
        };
        let is_same = before.len() == listed.len()
            && listed.iter().all(|server| find(before, *server).is_some());
        if is_same && matches!(self, Self::Known(_)) {
            return None;
        }
        let replica = |server: SocketAddr| find(before, server).unwrap_or_else(|| make(server));
        Some(Self::Known(listed.into_iter().map(replica).collect()))
    }
}

/// Those that answer although their name has no address.
fn still_there(replicas: &[Arc<Replica>]) -> Vec<SocketAddr> {
    let serving = replicas
        .iter()
        .filter(|replica| replica.standing() == Standing::Serving);
    serving.map(|replica| replica.server).collect()
}

fn find(replicas: &[Arc<Replica>], server: SocketAddr) -> Option<Arc<Replica>> {
    let mut replicas = replicas.iter();
    replicas.find(|replica| replica.server == server).cloned()
}

#[cfg(test)]
mod tests {
    use super::super::replica::Counts;
    use super::*;
    use std::net::IpAddr;
    use tonic::transport::Endpoint;

    fn make(server: SocketAddr) -> Arc<Replica> {
        let channel = Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
        Arc::new(Replica::new(server, channel, Counts::new("probe")))
    }

    fn answer(last: &[u8]) -> Answer {
        let ip = |last: &u8| IpAddr::from([127, 0, 0, *last]);
        Answer::Addresses(last.iter().map(ip).collect())
    }

    fn after(members: &Members, answer: Answer) -> Members {
        members.after(answer, 7001, make).unwrap()
    }

    #[tokio::test]
    async fn who_stays_is_the_same_replica_and_who_is_gone_is_let_go() {
        let first = after(&Members::Unasked, answer(&[1, 2]));
        let second = after(&first, answer(&[2, 3]));
        assert!(Arc::ptr_eq(&first.known()[1], &second.known()[0]));
        assert_eq!(second.known()[1].server, ([127, 0, 0, 3], 7001).into());
        assert_eq!(second.known().len(), 2);
        assert!(second.after(answer(&[3, 2]), 7001, make).is_none());
    }

    #[tokio::test]
    async fn a_name_service_that_fails_changes_nothing_once_it_has_answered() {
        let failed = || Answer::Failed("it is away".to_owned());
        let never = after(&Members::Unasked, failed());
        assert!(matches!(never, Members::Failed(_)));
        let known = after(&never, answer(&[1]));
        assert!(known.after(failed(), 7001, make).is_none());
    }

    #[tokio::test]
    async fn that_nobody_is_there_is_believed_where_nobody_answers() {
        let known = after(&Members::Unasked, answer(&[1, 2]));
        known.known()[0].stands(Standing::Serving);
        known.known()[1].stands(Standing::Down);
        let left = after(&known, answer(&[]));
        assert_eq!(left.known().len(), 1);
        left.known()[0].stands(Standing::Draining);
        let nobody = after(&left, answer(&[]));
        assert!(matches!(&nobody, Members::Known(none) if none.is_empty()));
        assert!(nobody.after(answer(&[]), 7001, make).is_none());
        assert!(matches!(
            after(&Members::Unasked, answer(&[])),
            Members::Known(_)
        ));
    }
}
