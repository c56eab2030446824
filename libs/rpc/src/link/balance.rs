//! Chooses a replica for each call, and another one where the first never got it.
//!
//! Who is there is found out beside the calls (`watch`): the name is looked up again and again, and
//! each replica is asked for its health. A call goes to one of those that serve (`pick`). A
//! call that cannot have arrived goes on to the next; one that may have is its caller's to repeat.
//! An address without a name is one replica, and nobody watches it.

mod members;
mod pick;
mod replica;
mod watch;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http_body_util::BodyExt;
use terrace_domain::{Failure, Reason};
use tokio::sync::{Notify, watch as channel};
use tokio_util::sync::DropGuard;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

use super::address::Address;
use super::network::Network;
use super::replay::Replay;
use super::resolve::Answer;
use super::unsent::{Unsent, unsent};
use crate::body;
use crate::layer::{Request, Response, respond};
use crate::status::{TONIC_TIMEOUT, to_status};
use crate::tls::Client;
use members::Members;
use replica::{Counts, Replica};
use watch::Watch;

/// How often one call is tried at most.
const MOST_TRIES: usize = 5;

/// All replicas of a callee. Clones are the same ones.
#[derive(Debug, Clone)]
pub(super) struct Balance(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    peer: &'static str,
    target: Arc<str>,
    members: Arc<channel::Sender<Members>>,
    /// Has the name looked up at once; none where there is no name.
    look: Option<Arc<Notify>>,
    counts: Counts,
    tls: Option<Arc<Client>>,
    _watched: Option<DropGuard>,
}

impl Balance {
    pub(super) fn new(
        peer: &'static str,
        target: Arc<str>,
        address: Address,
        network: &Network,
    ) -> Self {
        let counts = Counts::new(peer);
        let members = Arc::new(channel::Sender::new(Members::Unasked));
        let watch = Watch {
            network: network.clone(),
            address,
            counts,
            members: Arc::clone(&members),
            look: Arc::default(),
        };
        let tls = network.tls.clone().filter(|_| watch.address.secure);
        let (look, watched) = match watch.address.single() {
            Some(server) => {
                let alone = Answer::Addresses(vec![server.ip()]);
                watch.learn(alone);
                (None, None)
            }
            None => (Some(Arc::clone(&watch.look)), Some(watch.start())),
        };
        Self(Arc::new(Shared {
            peer,
            target,
            members,
            look,
            counts,
            tls,
            _watched: watched,
        }))
    }

    /// Whether the name has no address at all: the callee has no replica.
    pub(super) fn is_at_zero(&self) -> bool {
        is_nobody(&self.0.members.borrow())
    }

    /// Waits until there is a replica, as far as the name tells.
    pub(super) async fn present(&self) {
        if let Some(look) = &self.0.look {
            look.notify_one();
        }
        // The sender lives in `self`, so the only error there is (it was dropped) cannot happen.
        let mut members = self.0.members.subscribe();
        let _ = members.wait_for(|members| !is_nobody(members)).await;
    }

    async fn answer(self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let replay = Replay::new(body);
        let mut tried = Vec::new();
        let mut last = None;
        for _ in 0..MOST_TRIES {
            let replica = match self.next(&tried).await {
                Ok(Some(replica)) => replica,
                Ok(None) => break,
                Err(failure) => return respond(&failure),
            };
            let Some(body) = replay.send() else { break };
            if last.is_some() {
                self.0.counts.retried();
            }
            let in_flight = replica.begin();
            let request = Request::from_parts(head.clone(), body);
            let error = match replica.channel.clone().oneshot(request).await {
                Ok(response) => {
                    replay.forget();
                    let response = body::on_end(response, move |_| drop(in_flight));
                    return self.told(response);
                }
                Err(error) => error,
            };
            tracing::debug!(%error, terrace.peer = self.0.peer, replica = %replica.server, "call failed");
            let again = self.note(&replica, unsent(&error), &mut tried);
            last = Some(self.0.broken(error));
            if !again {
                break;
            }
        }
        let nobody = || self.0.failure(&Status::unavailable(""));
        respond(&last.unwrap_or_else(nobody))
    }

    /// The replica for the next try; `None` when all were tried.
    async fn next(&self, tried: &[Arc<Replica>]) -> Result<Option<Arc<Replica>>, Failure> {
        let mut members = self.0.members.subscribe();
        let asked = members.wait_for(|members| !matches!(members, Members::Unasked));
        let Ok(members) = asked.await.map(|members| members.clone()) else {
            return Ok(None);
        };
        match &members {
            Members::Failed(why) => Err(self.0.unknown(why)),
            Members::Known(replicas) if replicas.is_empty() => Err(self.0.nobody()),
            Members::Unasked | Members::Known(_) => Ok(pick::pick(members.known(), tried)),
        }
    }

    /// Notes what a failed call says of its replica; whether to try again.
    fn note(
        &self,
        replica: &Arc<Replica>,
        why: Option<Unsent>,
        tried: &mut Vec<Arc<Replica>>,
    ) -> bool {
        if let Some(look) = &self.0.look {
            look.notify_one();
        }
        match why {
            Some(Unsent::NotConnected) => {
                // Of one that nobody watches, nobody would hear that it is back.
                if self.0.look.is_some() {
                    replica.stands(replica::Standing::Down);
                }
                tried.push(Arc::clone(replica));
                true
            }
            // The same one takes it over a new connection, if there is no other.
            Some(Unsent::Turned) => true,
            None => false,
        }
    }

    /// The response, with what breaks in the middle of it told in our words.
    fn told(self, response: Response) -> Response {
        response.map(|body| {
            let broken = move |status| to_status(&self.0.failure(&status));
            Body::new(body.map_err(broken))
        })
    }
}

fn is_nobody(members: &Members) -> bool {
    matches!(members, Members::Known(replicas) if replicas.is_empty())
}

impl Shared {
    /// Says what an error of the connection means, without the words of the libraries below.
    fn failure(&self, status: &Status) -> Failure {
        let Self { peer, target, .. } = self;
        match status.code() {
            Code::Cancelled if status.message() == TONIC_TIMEOUT => Failure::new(
                Reason::DeadlineExceeded,
                format!("the {peer} did not answer before the deadline: allow more time"),
            ),
            Code::Unavailable => Failure::new(
                Reason::ServiceUnavailable,
                format!("cannot reach the {peer} at {target}: is it running?"),
            ),
            _ => Failure::new(
                Reason::ServiceUnavailable,
                format!("the connection to the {peer} at {target} broke: call again"),
            ),
        }
    }

    /// Says why a call did not get through.
    fn broken(&self, error: tonic::transport::Error) -> Failure {
        let Self { peer, target, .. } = self;
        if let Some(why) = self.tls.as_ref().and_then(|tls| tls.refusal(&error)) {
            return Failure::new(
                Reason::ServiceUnavailable,
                format!("no TLS with the {peer} at {target}: {why}"),
            );
        }
        let status = Status::from_error(error.into());
        let mut failure = self.failure(&status);
        if let Some(tls) = self
            .tls
            .as_ref()
            .filter(|_| status.code() != Code::Unavailable)
        {
            failure.message += &format!("; {}", tls.doubt());
        }
        failure
    }

    fn unknown(&self, why: &str) -> Failure {
        let Self { peer, target, .. } = self;
        tracing::debug!(terrace.peer = peer, why, "name not found out");
        Failure::new(
            Reason::ServiceUnavailable,
            format!("cannot look up the {peer} at {target}: does the name service answer?"),
        )
    }

    fn nobody(&self) -> Failure {
        let Self { peer, target, .. } = self;
        Failure::new(
            Reason::ServiceUnavailable,
            format!("the name of the {peer} at {target} has no address: no replica is running"),
        )
    }
}

impl Service<Request> for Balance {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The call waits for a replica instead, where its deadline holds.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let balance = self.clone();
        Box::pin(async move { Ok(balance.answer(request).await) })
    }
}
