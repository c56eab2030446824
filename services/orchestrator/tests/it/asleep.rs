//! A tier whose gateway has no replica: the name of its link has no address.
//!
//! The name is looked up at a real name service and the gateway, once it is there, listens on a
//! real socket, so these run on a real clock.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use terrace_config::{AtZero, OnTierAtZero};
use terrace_domain::{BackendName, ModelName, Price, Reason, TierName};
use terrace_orchestrator::catalog::{Abilities, Model};
use terrace_proto::gateway::v1::FILE_DESCRIPTOR_SET;
use terrace_proto::gateway::v1::gateway_service_server::GatewayServiceServer;
use terrace_rpc::{Network, ServerSettings, Services, Stack, server};
use terrace_runtime::{Kind, Shutdown, Tasks};
use terrace_telemetry::metrics::render;
use terrace_testkit::NameService;
use terrace_testkit::ports::lasting_port;

use crate::fakes::Gateway;
use crate::world::{World, failed, question, told};

const NAME: &str = "gateway-small.test";

/// A world whose lowest tier has a gateway somewhere, or nowhere.
struct Asleep {
    names: NameService,
    port: u16,
    world: World,
}

impl Asleep {
    async fn with(policy: OnTierAtZero, wait: Duration) -> Self {
        let names = NameService::start();
        names.set_loopback(NAME, &[]);
        let port = lasting_port().unwrap();
        let network = Network {
            nameserver: Some(names.address()),
            refresh_interval: Duration::from_millis(100),
            probe_interval: Duration::from_millis(100),
            ..Network::default()
        };
        let link = network.link("gateway", &format!("http://{NAME}:{port}"));
        let world = World::with(|stage| {
            stage.links.gateways[0].1 = link.unwrap();
            stage.settings.at_zero = AtZero { policy, wait };
            stage.settings.models = vec![small()];
        })
        .await;
        Self { names, port, world }
    }

    /// Starts the gateway, and lets its name be known.
    async fn wake(&self) -> Tasks {
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        let gateway: Arc<Gateway> = Arc::clone(&self.world.small);
        let services =
            Services::new(&[FILE_DESCRIPTOR_SET]).with(GatewayServiceServer::from_arc(gateway));
        let settings = ServerSettings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)),
            ..ServerSettings::for_testing()
        };
        let stack = Stack::new("gateway", &settings, services).unwrap();
        let bound = server::bind(&settings).await.unwrap();
        tasks.spawn("gateway", Kind::Background, async {
            bound.serve(stack, shutdown).await.unwrap();
        });
        self.names.set_loopback(NAME, &[1]);
        tasks
    }
}

/// What the config says of the model that sleeps.
fn small() -> Model {
    Model {
        name: ModelName::new("small").unwrap(),
        tier: TierName::new("local_fast").unwrap(),
        backend: BackendName::new("small-backend").unwrap(),
        price: Price::FREE,
        context_window: 8192,
        default_max_output_tokens: 100,
        abilities: Abilities::default(),
        unavailable_because: None,
        scripted: false,
    }
}

#[tokio::test]
async fn it_goes_on_to_the_next_tier_and_the_attempts_say_why() {
    let asleep = Asleep::with(OnTierAtZero::NextTier, Duration::ZERO).await;
    let response = asleep.world.route(question()).await.unwrap();
    let expected = ["small SKIPPED SERVICE_UNAVAILABLE 0", "middle ACCEPTED 0"];
    assert_eq!(told(&response.attempts), expected);
    let why = &response.attempts[0].detail;
    assert_eq!(why, "no replica of the gateway of small-backend is running");
    // How much is for the tests of the number itself: all worlds of this process share its name.
    let shown = render().contains("terrace_gateway_demand{backend=\"small-backend\"}");
    assert!(shown, "it is wanted, so that somebody starts it");
}

#[tokio::test]
async fn it_waits_for_a_first_replica_which_then_answers() {
    let asleep = Asleep::with(OnTierAtZero::Wait, Duration::from_secs(50)).await;
    let (response, _gateway) = tokio::join!(asleep.world.route(question()), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        asleep.wake().await
    });
    let response = response.unwrap();
    assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
}

#[tokio::test]
async fn it_waits_no_longer_than_it_may() {
    let asleep = Asleep::with(OnTierAtZero::Wait, Duration::from_millis(50)).await;
    let response = asleep.world.route(question()).await.unwrap();
    let expected = ["small SKIPPED SERVICE_UNAVAILABLE 0", "middle ACCEPTED 0"];
    assert_eq!(told(&response.attempts), expected);
    let why = &response.attempts[0].detail;
    assert!(why.ends_with("none came while the request waited"), "{why}");
}

#[tokio::test]
async fn it_fails_where_that_is_wanted_and_costs_nothing() {
    let asleep = Asleep::with(OnTierAtZero::Fail, Duration::ZERO).await;
    let refused = failed(&asleep.world.route(question()).await.unwrap_err());
    assert_eq!(refused.reason(), Reason::NoCandidate);
    assert_eq!(refused.told(), ["small SKIPPED NO_CANDIDATE 0"]);
    assert!(
        refused
            .failure
            .message
            .contains("no replica of the gateway")
    );
    assert_eq!(asleep.world.calls(), [0, 0, 0]);
}

#[tokio::test]
async fn a_tier_that_woke_up_is_used_again() {
    let asleep = Asleep::with(OnTierAtZero::NextTier, Duration::ZERO).await;
    let _gateway = asleep.wake().await;
    let answered_by_small = async {
        loop {
            let response = asleep.world.route(question()).await.unwrap();
            if told(&response.attempts) == ["small ACCEPTED 0"] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, answered_by_small)
        .await
        .unwrap();
}
