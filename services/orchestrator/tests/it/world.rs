//! An orchestrator between fakes, and short ways to call it.
//!
//! Three gateways with one model each: `small` and `middle` are free, `big` costs $3 and $15 per
//! million tokens. Every link is in process, so a paused clock only moves when nothing else can.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use terrace_config::{AtZero, Durability, Secret};
use terrace_domain::{BackendName, Failure, ModelName, NanoUsd, Price, Reason, Score, TierName};
use terrace_orchestrator::clients::ValkeySettings;
use terrace_orchestrator::config::RequestLimits;
use terrace_orchestrator::door::DoorSettings;
use terrace_orchestrator::grpc::BatchSettings;
use terrace_orchestrator::request::{CachePolicy, OnExhausted, Policy};
use terrace_orchestrator::route::consensus::Wish;
use terrace_orchestrator::route::hedge::HedgeSettings;
use terrace_orchestrator::route::plan::Rules;
use terrace_orchestrator::route::plan::decision::Deciding;
use terrace_orchestrator::route::sessions::SessionSettings;
use terrace_orchestrator::route::{
    Baseline, OnClassifierUnavailable, OnJudgeUnavailable, RouteSettings,
};
use terrace_orchestrator::{Links, Orchestrator, Settings};
use terrace_proto::classifier::v1::classifier_service_server::ClassifierServiceServer;
use terrace_proto::common::v1::{self as common, Role};
use terrace_proto::convert::text_message;
use terrace_proto::gateway::v1::gateway_service_server::GatewayServiceServer;
use terrace_proto::judge::v1::judge_service_server::JudgeServiceServer;
use terrace_proto::ledger::v1::ledger_service_server::LedgerServiceServer;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::{Link, ServerSettings, Services, Stack, status};
use terrace_runtime::{Shutdown, Tasks};
use tonic::Status;
use tonic_types::StatusExt;

use crate::fakes::{Classifier, Gateway, Judge, Ledger};

pub(crate) type Client = RouterServiceClient<Link>;

/// How long the tests' calls may take unless they say otherwise.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// An id that a client brings.
pub(crate) const ID: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

/// Everything around the orchestrator, before it is built.
pub(crate) struct Stage {
    pub(crate) settings: Settings,
    pub(crate) links: Links,
    pub(crate) classifier: Arc<Classifier>,
    pub(crate) judge: Arc<Judge>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) small: Arc<Gateway>,
    pub(crate) middle: Arc<Gateway>,
    pub(crate) big: Arc<Gateway>,
}

/// A running orchestrator and what is around it.
pub(crate) struct World {
    stage: Stage,
    pub(crate) client: Client,
    pub(crate) tasks: Tasks,
}

impl std::ops::Deref for World {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a world that keeps answers for an hour.
    pub(crate) async fn with_a_cache() -> Self {
        Self::with(Stage::caches).await
    }

    /// Starts a world after `change` has had its way with the stage.
    pub(crate) async fn with(change: impl FnOnce(&mut Stage)) -> Self {
        let mut stage = Stage::new();
        change(&mut stage);
        let (client, tasks) = stage.orchestrator().await;
        Self {
            stage,
            client,
            tasks,
        }
    }

    /// Starts another orchestrator among the same services.
    pub(crate) async fn replica(&self) -> Client {
        self.stage.orchestrator().await.0
    }

    pub(crate) async fn route(
        &self,
        request: wire::RouteRequest,
    ) -> Result<wire::RouteResponse, Status> {
        self.route_within(request, LONG).await
    }

    pub(crate) async fn route_within(
        &self,
        request: wire::RouteRequest,
        time: Duration,
    ) -> Result<wire::RouteResponse, Status> {
        let request = request_within(request, Deadline::within(time));
        let answer = self.client.clone().route(request).await;
        answer.map(tonic::Response::into_inner)
    }

    /// Calls and goes away at `moment`, which has to come before an answer does.
    pub(crate) async fn leave_at(
        &self,
        request: wire::RouteRequest,
        moment: impl Future<Output = ()>,
    ) {
        tokio::select! {
            answered = self.route(request) => assert!(answered.is_err(), "answered too early"),
            () = moment => {}
        }
    }

    pub(crate) async fn explain(&self, request: wire::RouteRequest) -> Result<wire::Plan, Status> {
        let request = Some(request);
        let request = wire::ExplainRequest { request };
        let request = request_within(request, Deadline::within(LONG));
        let answer = self.client.clone().explain(request).await?;
        Ok(answer.into_inner().plan.unwrap())
    }

    pub(crate) async fn models(&self) -> wire::ListModelsResponse {
        let request = wire::ListModelsRequest {};
        let answer = self.client.clone().list_models(request).await;
        answer.unwrap().into_inner()
    }

    /// How often each gateway was asked for an answer, from the lowest tier.
    pub(crate) fn calls(&self) -> [usize; 3] {
        [&self.small, &self.middle, &self.big].map(|gateway| gateway.calls())
    }

    /// Waits until every request's work is done, also that whose caller has gone.
    pub(crate) async fn quiet(&self) {
        self.tasks.wait(LONG).await.unwrap();
    }
}

impl Stage {
    async fn orchestrator(&self) -> (Client, Tasks) {
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        let (settings, links) = (self.settings.clone(), self.links.clone());
        let orchestrator = Orchestrator::build(settings, links, &tasks).unwrap();
        orchestrator.start(&tasks, &shutdown).await;
        let stack = orchestrator.stack(&ServerSettings::for_testing()).unwrap();
        (Client::new(Link::in_process("orchestrator", stack)), tasks)
    }

    /// Keeps answers that passed for an hour.
    pub(crate) fn caches(&mut self) {
        self.settings.policy.cache = CachePolicy {
            read: true,
            write: true,
            ttl: Duration::from_hours(1),
            no_replay: false,
        };
    }

    fn new() -> Self {
        let classifier = Arc::new(Classifier::new());
        let judge = Arc::new(Judge::new());
        let ledger = Arc::new(Ledger::new());
        let gateways = models().map(|model| Arc::new(Gateway::new(model)));
        let [small, middle, big] = gateways;
        let gateway = |name: &str, fake: &Arc<Gateway>| {
            let backend = BackendName::new(format!("{name}-backend")).unwrap();
            let server = GatewayServiceServer::from_arc(Arc::clone(fake));
            let services =
                Services::new(&[terrace_proto::gateway::v1::FILE_DESCRIPTOR_SET]).with(server);
            (backend, link("gateway", services))
        };
        let links = Links {
            classifier: link(
                "classifier",
                Services::new(&[terrace_proto::classifier::v1::FILE_DESCRIPTOR_SET])
                    .with(ClassifierServiceServer::from_arc(Arc::clone(&classifier))),
            ),
            judge: link(
                "judge",
                Services::new(&[terrace_proto::judge::v1::FILE_DESCRIPTOR_SET])
                    .with(JudgeServiceServer::from_arc(Arc::clone(&judge))),
            ),
            ledger: link(
                "ledger",
                Services::new(&[terrace_proto::ledger::v1::FILE_DESCRIPTOR_SET])
                    .with(LedgerServiceServer::from_arc(Arc::clone(&ledger))),
            ),
            gateways: vec![
                gateway("small", &small),
                gateway("middle", &middle),
                gateway("big", &big),
            ],
        };
        Self {
            settings: settings(),
            links,
            classifier,
            judge,
            ledger,
            small,
            middle,
            big,
        }
    }
}

fn link(name: &'static str, services: Services) -> Link {
    let stack = Stack::new(name, &ServerSettings::for_testing(), services).unwrap();
    Link::in_process(name, stack)
}

fn tiers() -> Vec<TierName> {
    ["local_fast", "local_quality", "api_fallback"]
        .map(|name| TierName::new(name).unwrap())
        .to_vec()
}

fn policy() -> Policy {
    Policy {
        allowed_tiers: Vec::new(),
        tier: None,
        model: None,
        quality_threshold: Score::clamped(0.7),
        quality_check: true,
        always_judged: false,
        max_attempts: 3,
        max_repairs: 0,
        latency_target: None,
        max_cost: None,
        on_exhausted: OnExhausted::BestEffort,
        cache: CachePolicy::default(),
        consensus: None,
        hedge: false,
    }
}

fn settings() -> Settings {
    let route = RouteSettings {
        rules: Rules {
            tiers: tiers(),
            difficulty_thresholds: vec![Score::clamped(0.4), Score::clamped(0.8)],
            deciding: Deciding::default(),
        },
        on_judge_unavailable: OnJudgeUnavailable::NextTier,
        on_classifier_unavailable: OnClassifierUnavailable::LowestTier,
        baseline: Some(Baseline {
            model: ModelName::new("yardstick").unwrap(),
            price: Price::per_million(usd("30"), usd("60")),
        }),
        sessions: SessionSettings {
            ttl: Duration::from_secs(600),
            most: 100,
        },
        hedge: patient(),
    };
    Settings {
        consensus: no_models(),
        cache_max_bytes: 1 << 20,
        cache_store: ValkeySettings {
            url: Secret::Unset,
            prefix: "terrace".to_owned(),
            timeout: Duration::from_secs(5),
        },
        setup: "a test".to_owned(),
        learns: false,
        at_zero: AtZero::default(),
        models: Vec::new(),
        shadow: None,
        batch: BatchSettings {
            parallelism: 4,
            time: LONG,
        },
        route,
        policy: policy(),
        limits: limits(),
        max_message_bytes: 8 << 20,
        reservation_ttl: Duration::from_secs(900),
        lease_ttl: None,
        durability: Durability::Strict,
        door: DoorSettings {
            required: false,
            cache_ttl: Duration::from_secs(1),
        },
    }
}

fn limits() -> RequestLimits {
    RequestLimits {
        max_prompt_bytes: 1 << 20,
        max_messages: 16,
        max_stop_sequences: 4,
        max_stop_sequence_bytes: 64,
        max_tags: 8,
        max_tag_bytes: 64,
        max_output_tokens: 4096,
    }
}

/// Two seconds of patience with a model that is not known yet.
fn patient() -> HedgeSettings {
    HedgeSettings {
        default_delay: Duration::from_secs(2),
        min_delay: Duration::from_millis(100),
        budget: 0.1,
        replicas: HashMap::new(),
    }
}

/// A consensus as a config describes it that says nothing of one.
fn no_models() -> Wish {
    Wish {
        models: Vec::new(),
        threshold: Score::clamped(0.66),
        equivalence: None,
        by_request: false,
    }
}

fn usd(amount: &str) -> NanoUsd {
    amount.parse().unwrap()
}

/// The models of the three gateways.
pub(crate) fn models() -> [common::Model; 3] {
    let free = common::Price::default();
    let priced = common::Price {
        input_nano_usd: 3_000_000_000,
        output_nano_usd: 15_000_000_000,
        cache_read_nano_usd: 300_000_000,
        cache_write_nano_usd: 3_750_000_000,
        ..free.clone()
    };
    let middle = common::Model {
        capabilities: Some(common::Capabilities {
            code: true,
            json_schema: true,
            tools: true,
            vision: true,
            ..common::Capabilities::default()
        }),
        ..model("middle", "local_quality", free.clone())
    };
    let big = common::Model {
        scripted: true,
        ..model("big", "api_fallback", priced)
    };
    [model("small", "local_fast", free), middle, big]
}

fn model(name: &str, tier: &str, price: common::Price) -> common::Model {
    common::Model {
        name: name.to_owned(),
        tier: tier.to_owned(),
        backend: "as the gateway calls it".to_owned(),
        price: Some(price),
        context_window: 8192,
        default_max_output_tokens: 100,
        capabilities: Some(common::Capabilities::default()),
        available: true,
        ..common::Model::default()
    }
}

pub(crate) fn question() -> wire::RouteRequest {
    wire::RouteRequest {
        messages: vec![text_message(Role::User, "what is a monad?")],
        ..wire::RouteRequest::default()
    }
}

pub(crate) fn question_with(policy: wire::RoutePolicy) -> wire::RouteRequest {
    wire::RouteRequest {
        policy: Some(policy),
        ..question()
    }
}

/// A question for the priced tier alone.
pub(crate) fn question_for_big() -> wire::RouteRequest {
    question_with(wire::RoutePolicy {
        tier: "api_fallback".to_owned(),
        ..wire::RoutePolicy::default()
    })
}

/// A failed call as its caller sees it.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) code: tonic::Code,
    pub(crate) failure: Failure,
    /// The attempts made and what they cost; `None` where the answer has no such detail.
    pub(crate) trail: Option<wire::RouteFailure>,
}

impl Failed {
    pub(crate) fn reason(&self) -> Reason {
        self.failure.reason
    }

    pub(crate) fn told(&self) -> Vec<String> {
        told(&self.trail.as_ref().unwrap().attempts)
    }
}

/// Reads a status as a client would.
pub(crate) fn failed(error: &Status) -> Failed {
    let info = error.get_details_error_info().unwrap();
    assert_eq!(info.domain, "terrace");
    assert_eq!(info.reason, status::reason(error).as_str());
    let url = "type.googleapis.com/terrace.router.v1.RouteFailure";
    let detail = status::extra_detail(error, url);
    Failed {
        code: error.code(),
        failure: status::to_failure(error),
        trail: detail.map(|bytes| prost::Message::decode(bytes).unwrap()),
    }
}

/// Attempts in a line each: model, outcome, reason, cost.
pub(crate) fn told(attempts: &[wire::Attempt]) -> Vec<String> {
    let line = |attempt: &wire::Attempt| {
        let outcome = attempt.outcome().as_str_name();
        let outcome = outcome.trim_start_matches("ATTEMPT_OUTCOME_").to_owned();
        let words = [&attempt.model, &outcome, &attempt.reason];
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let words: Vec<_> = words.iter().map(|word| word.as_str()).collect();
        format!("{} {}", words.join(" "), attempt.cost_nano_usd)
    };
    attempts.iter().map(line).collect()
}
