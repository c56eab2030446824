//! A link to a name with several addresses: who is called, and what a call survives.
//!
//! Names are looked up at a real name service, replicas are servers at several addresses of
//! loopback. What has to happen soon is waited for; nothing is asserted about how soon.

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use futures::future::join_all;
use terrace_domain::Reason;
use terrace_rpc::{Limits, Link, Network, ServerSettings, status};
use terrace_runtime::Grace;
use terrace_testkit::ports::lasting_port;
use terrace_testkit::{NameService, Relay, Says, Wire};
use tokio::time::sleep;
use tonic::Status;

use crate::probe::{self, Running, next, open, say_text, soon};

const NAME: &str = "probe.test";
const CALLERS: usize = 8;

/// A name service, a port, and a link to the name.
struct World {
    names: NameService,
    port: u16,
    link: Link,
}

impl World {
    /// One where the name has the addresses of loopback that end so.
    fn new(addresses: &[u8]) -> Self {
        let names = NameService::start();
        names.set_loopback(NAME, addresses);
        let port = lasting_port().unwrap();
        let network = Network {
            nameserver: Some(names.address()),
            refresh_interval: Duration::from_millis(100),
            probe_interval: Duration::from_millis(100),
            ..Network::default()
        };
        let url = format!("http://{NAME}:{port}");
        let link = network.link("probe", &url).unwrap();
        Self { names, port, link }
    }

    fn at(&self, last: u8) -> SocketAddr {
        (Ipv4Addr::new(127, 0, 0, last), self.port).into()
    }

    async fn serve(&self, last: u8) -> Running {
        self.serve_with(last, ServerSettings::for_testing()).await
    }

    async fn serve_with(&self, last: u8, settings: ServerSettings) -> Running {
        let listen = self.at(last);
        probe::serve(&ServerSettings { listen, ..settings }).await
    }

    /// Calls without end while `scenario` runs; the failures.
    async fn under_load(&self, scenario: impl Future<Output = ()>) -> Vec<Status> {
        let failures = Mutex::new(Vec::new());
        let caller = async |_| loop {
            if let Err(status) = say_text(&self.link, "wait 2").await {
                failures.lock().unwrap().push(status);
            }
        };
        let callers = join_all((0..CALLERS).map(caller));
        tokio::select! {
            _ = callers => {}
            () = scenario => {}
        }
        failures.into_inner().unwrap()
    }

    /// Calls until this holds.
    async fn call_until(&self, holds: impl Fn() -> bool) {
        let calling = async {
            while !holds() {
                let _ = say_text(&self.link, "echo x").await;
                sleep(Duration::from_millis(5)).await;
            }
        };
        soon(calling).await;
    }
}

/// Waits until `server` was asked `more` times from now on.
async fn asked(server: &Running, more: usize) {
    let wanted = server.served() + more;
    let waiting = async {
        while server.served() < wanted {
            sleep(Duration::from_millis(10)).await;
        }
    };
    soon(waiting).await;
}

/// Waits until `server` is not asked any more.
async fn forgotten(server: &Running) {
    let waiting = async {
        loop {
            let before = server.served();
            sleep(Duration::from_millis(300)).await;
            if server.served() == before {
                return;
            }
        }
    };
    soon(waiting).await;
}

#[tokio::test]
async fn calls_spread_over_all_addresses_of_a_name() {
    let world = World::new(&[1, 2, 3]);
    let servers = [
        world.serve(1).await,
        world.serve(2).await,
        world.serve(3).await,
    ];
    say_text(&world.link, "echo x").await.unwrap();
    let enough = async {
        asked(&servers[0], 300).await;
    };
    assert!(world.under_load(enough).await.is_empty());
    let counts = servers.each_ref().map(Running::served);
    let even = counts.iter().sum::<usize>() / 3;
    let close = (even - even / 5)..=(even + even / 5);
    assert!(
        counts.iter().all(|count| close.contains(count)),
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_callee_grows_and_shrinks_and_no_call_fails() {
    let world = World::new(&[1]);
    let first = world.serve(1).await;
    let failures = world.under_load(async {
        asked(&first, 20).await;
        let more = [world.serve(2).await, world.serve(3).await];
        world.names.set_loopback(NAME, &[1, 2, 3]);
        for server in &more {
            asked(server, 20).await;
        }
        world.names.set_loopback(NAME, &[1]);
        for server in &more {
            forgotten(server).await;
        }
        drop(more);
        asked(&first, 20).await;
    });
    assert_eq!(texts(&failures.await), Vec::<String>::new());
}

#[tokio::test]
async fn a_name_that_moves_takes_its_calls_along_and_leaves_streams_where_they_are() {
    let world = World::new(&[1]);
    let old = world.serve(1).await;
    let mut stream = open(&world.link, probe::text("hang")).await.unwrap();
    next(&mut stream).await.unwrap().unwrap();
    let new = world.serve(2).await;
    world.names.set_loopback(NAME, &[2]);
    world.call_until(|| new.served() > 10).await;
    forgotten(&old).await;
    assert_eq!(old.stack.in_flight(), 1, "the stream is still there");
    drop(stream);
}

#[tokio::test]
async fn a_name_service_that_fails_takes_nobody_away() {
    let world = World::new(&[1, 2]);
    let servers = [world.serve(1).await, world.serve(2).await];
    say_text(&world.link, "echo x").await.unwrap();
    for says in [Says::Failure, Says::Silence] {
        world.names.set(NAME, says);
        let before = world.names.questions();
        let failures = world.under_load(async {
            while world.names.questions() < before + 4 {
                sleep(Duration::from_millis(20)).await;
            }
            for server in &servers {
                asked(server, 20).await;
            }
        });
        assert_eq!(texts(&soon(failures).await), Vec::<String>::new());
    }
}

#[tokio::test]
async fn that_nobody_is_there_is_not_believed_while_somebody_answers() {
    let world = World::new(&[1]);
    let server = world.serve(1).await;
    say_text(&world.link, "echo x").await.unwrap();
    // Its health has been asked for by now, or is about to be.
    sleep(Duration::from_millis(300)).await;
    world.names.set(NAME, Says::Unknown);
    let before = world.names.questions();
    let failures = world.under_load(async {
        while world.names.questions() < before + 4 {
            sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(texts(&failures.await), Vec::<String>::new());
    assert!(!world.link.is_at_zero());
    drop(server);
}

#[tokio::test]
async fn a_replica_that_is_not_there_is_passed_over() {
    // Nobody listens at the second address.
    let world = World::new(&[1, 2]);
    let server = world.serve(1).await;
    say_text(&world.link, "echo x").await.unwrap();
    let failures = world.under_load(asked(&server, 200)).await;
    assert_eq!(texts(&failures), Vec::<String>::new());
}

#[tokio::test]
async fn a_replica_that_is_killed_fails_at_most_what_was_in_flight_on_it() {
    let world = World::new(&[1, 2]);
    let behind = probe::serve(&ServerSettings::for_testing()).await;
    let relay = Relay::start_at(world.at(1), &behind.address.to_string());
    let other = world.serve(2).await;
    let failures = world.under_load(async {
        asked(&behind, 30).await;
        drop(relay);
        asked(&other, 200).await;
    });
    let failures = failures.await;
    assert!(failures.len() <= CALLERS, "{:?}", texts(&failures));
}

#[tokio::test]
async fn a_replica_that_hangs_is_left_alone_and_found_again() {
    let world = World::new(&[1, 2]);
    let behind = probe::serve(&ServerSettings::for_testing()).await;
    let relay = Relay::start_at(world.at(1), &behind.address.to_string());
    let other = world.serve(2).await;
    world
        .call_until(|| behind.served() > 5 && other.served() > 5)
        .await;
    relay.set(Wire::Stuck);
    // Two of these would hang, if it were called at all once it is known to.
    sleep(Duration::from_secs(1)).await;
    let before = other.served();
    for _ in 0..50 {
        say_text(&world.link, "echo x").await.unwrap();
    }
    assert!(other.served() >= before + 50);
    relay.set(Wire::Whole);
    let before = behind.served();
    world.call_until(|| behind.served() > before + 100).await;
}

#[tokio::test]
async fn a_replica_that_stops_in_peace_fails_no_call_and_cuts_no_stream() {
    let world = World::new(&[1, 2]);
    let settings = ServerSettings {
        grace: Grace {
            notice: Duration::from_secs(1),
            finish: Duration::from_secs(20),
            cut: Duration::from_millis(100),
        },
        ..ServerSettings::for_testing()
    };
    let going = world.serve_with(1, settings).await;
    let staying = world.serve(2).await;
    world
        .call_until(|| going.served() > 5 && staying.served() > 5)
        .await;
    let failures = world.under_load(async {
        asked(&going, 20).await;
        going.shutdown.request();
        going.tasks.wait(Duration::from_secs(20)).await.unwrap();
        asked(&staying, 50).await;
    });
    assert_eq!(texts(&failures.await), Vec::<String>::new());
}

#[tokio::test]
async fn connections_that_are_asked_to_close_fail_no_call() {
    let world = World::new(&[1]);
    let settings = ServerSettings {
        limits: Limits {
            max_connection_age: Duration::from_millis(50),
            ..Limits::default()
        },
        ..ServerSettings::for_testing()
    };
    let server = world.serve_with(1, settings).await;
    let failures = world.under_load(asked(&server, 3000)).await;
    assert_eq!(texts(&failures), Vec::<String>::new());
}

#[tokio::test]
async fn a_callee_without_a_replica_says_so_and_is_waited_for() {
    let world = World::new(&[]);
    let status = say_text(&world.link, "echo x").await.unwrap_err();
    let failure = status::to_failure(&status);
    assert_eq!(failure.reason, Reason::ServiceUnavailable);
    assert!(
        failure.message.contains("no replica is running"),
        "{failure:?}"
    );
    assert!(world.link.is_at_zero());
    let _server = world.serve(1).await;
    world.names.set_loopback(NAME, &[1]);
    soon(world.link.present()).await;
    assert_eq!(say_text(&world.link, "echo back").await.unwrap(), "back");
}

#[tokio::test]
async fn a_name_that_cannot_be_looked_up_is_no_callee_at_zero() {
    let world = World::new(&[]);
    world.names.set(NAME, Says::Failure);
    let status = say_text(&world.link, "echo x").await.unwrap_err();
    let failure = status::to_failure(&status);
    assert!(failure.message.contains("cannot look up"), "{failure:?}");
    assert!(!world.link.is_at_zero());
    let _server = world.serve(1).await;
    world.names.set_loopback(NAME, &[1]);
    let found = async {
        while say_text(&world.link, "echo x").await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    soon(found).await;
}

#[tokio::test]
async fn a_call_is_not_made_twice_where_it_may_have_arrived() {
    let world = World::new(&[1, 2]);
    let behind = probe::serve(&ServerSettings::for_testing()).await;
    let relays = [1, 2].map(|last| Relay::start_at(world.at(last), &behind.address.to_string()));
    say_text(&world.link, "echo x").await.unwrap();
    let call = async {
        let failed = say_text(&world.link, "hang").await.unwrap_err();
        status::to_failure(&failed)
    };
    let cut = async {
        while behind.served() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
        drop(relays);
        pending::<()>().await;
    };
    let failure = tokio::select! {
        failure = soon(call) => failure,
        () = cut => unreachable!(),
    };
    assert!(failure.message.contains("broke: call again"), "{failure:?}");
}

fn texts(failures: &[Status]) -> Vec<String> {
    failures.iter().map(ToString::to_string).collect()
}
