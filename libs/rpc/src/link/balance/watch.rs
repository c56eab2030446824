//! Finds out, beside the calls, who is there and who serves.
//!
//! Two loops for each name: one looks it up every few seconds (at once when a call found nobody,
//! each second while nobody is there), one asks each replica for its health. A replica that says
//! it does not serve gets no new calls, so that one which stops has seen its last call before its
//! connection closes; one that does not answer twice in a row is left alone until it does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use terrace_runtime::{Kind, Shutdown, Tasks};
use tokio::sync::{Notify, watch as channel};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as Said;
use tonic_health::pb::health_client::HealthClient;

use super::members::Members;
use super::replica::{Counts, Replica, Standing};
use crate::link::address::{Address, Host};
use crate::link::connect;
use crate::link::network::Network;
use crate::link::resolve::{Answer, Resolver};

/// How soon a name is looked up again while that brings nobody.
const SOON: Duration = Duration::from_secs(1);
/// The least time between two questions, however many calls find nobody.
const LEAST: Duration = Duration::from_millis(200);
/// The longest that a replica may take to say how it is.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// What both loops know.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) network: Network,
    pub(super) address: Address,
    pub(super) counts: Counts,
    pub(super) members: Arc<channel::Sender<Members>>,
    pub(super) look: Arc<Notify>,
}

impl Watch {
    /// Starts both loops; they end when the guard is dropped.
    pub(super) fn start(self) -> DropGuard {
        let over = CancellationToken::new();
        let tasks = Tasks::new(Shutdown::new());
        let looks = over.clone().run_until_cancelled_owned(self.clone().look());
        let probes = over.clone().run_until_cancelled_owned(self.probe());
        tasks.spawn("resolve", Kind::Background, async {
            looks.await.unwrap_or(());
        });
        tasks.spawn("probe", Kind::Background, async {
            probes.await.unwrap_or(());
        });
        over.drop_guard()
    }

    /// Takes an answer of the name service.
    pub(super) fn learn(&self, answer: Answer) {
        let make = |server: SocketAddr| {
            let channel = connect::channel(&self.address, server, self.network.tls.clone());
            Arc::new(Replica::new(server, channel, self.counts))
        };
        let port = self.address.port;
        self.members
            .send_if_modified(|members| match members.after(answer, port, make) {
                None => false,
                Some(now) => {
                    tracing::debug!(host = ?self.address.host, replicas = now.known().len(), "replicas changed");
                    *members = now;
                    true
                }
            });
    }

    async fn look(self) {
        let Host::Name(name) = &self.address.host else {
            return;
        };
        let resolver = Resolver::new(self.network.nameserver);
        loop {
            self.learn(resolver.ask(name).await);
            let brings_somebody = !self.members.borrow().known().is_empty();
            let pause = if brings_somebody {
                jittered(self.network.refresh_interval)
            } else {
                SOON.min(self.network.refresh_interval)
            };
            sleep(LEAST.min(pause)).await;
            let _ = timeout(pause.saturating_sub(LEAST), self.look.notified()).await;
        }
    }

    async fn probe(self) {
        let interval = self.network.probe_interval;
        let mut changed = self.members.subscribe();
        loop {
            let replicas = self.members.borrow().known().to_vec();
            join_all(
                replicas
                    .iter()
                    .map(|one| ask(one, interval.min(PROBE_PATIENCE))),
            )
            .await;
            // The loop would keep those alive that are let go meanwhile.
            drop(replicas);
            let _ = timeout(jittered(interval), changed.changed()).await;
        }
    }
}

/// Asks a replica how it is, and notes what it says.
async fn ask(replica: &Replica, patience: Duration) {
    let mut client = HealthClient::new(replica.channel.clone());
    let asked = client.check(HealthCheckRequest::default());
    match timeout(patience, asked).await {
        Err(_) => replica.unanswered(),
        Ok(Ok(answer)) if answer.get_ref().status() == Said::Serving => {
            replica.stands(Standing::Serving);
        }
        Ok(Ok(_)) => replica.stands(Standing::Draining),
        Ok(Err(status)) => match status.code() {
            // What a connection that cannot be made or that breaks looks like.
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal => {
                replica.stands(Standing::Down);
            }
            // It answers, and only its health is nothing it speaks of.
            _ => replica.stands(Standing::Serving),
        },
    }
}

/// `time` give or take a fifth, so that the callers of a fleet do not ask in step.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.8 + 0.4 * fastrand::f64())
}
