//! Builders and scripted ports for the unit tests of this crate.

mod pieces;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use terrace_domain::{
    BackendName, Failure, ModelName, NanoUsd, Price, ProjectName, Reason, RequestId, Score, Step,
    TierName, Usage,
};
use terrace_proto::common::v1::{GenerationParams, Role};
use terrace_proto::convert::text_message;
use terrace_proto::router::v1::RouteRequest;
use terrace_rpc::deadline::Deadline;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::answer::Delta;
use crate::catalog::{Abilities, Catalog, Listed, Model};
use crate::classification::{Classification, Learned, Source, TaskKind, Taught};
use crate::fingerprint::Fingerprint;
use crate::ports::{
    Answered, Answering, Call, Classify, Generate, Generated, Judge, Judged, KnownRequest, Ledger,
    Outlook, Pieces,
};
use crate::prompt::Prompt;
use crate::request::{CachePolicy, OnExhausted, Policy, Priority, Request};
use crate::route::events::Events;
use crate::route::plan::Candidate;
use crate::route::sessions::SessionSettings;
use crate::route::trail::{Attempt, Close};
use crate::route::{
    Answered as RouteAnswered, Baseline, Context, OnClassifierUnavailable, OnJudgeUnavailable,
    Ports, RouteSettings, Router, Unanswered,
};
use crate::verdict::Verdict;

use pieces::hedging;
pub(crate) use pieces::{
    attempt, candidate, finding, rules, three_tiers, tool_result, verdict_of, with,
};

pub(crate) fn tier(name: &str) -> TierName {
    TierName::new(name).unwrap()
}

pub(crate) fn model(tier_name: &str, name: &str) -> Model {
    Model {
        name: ModelName::new(name).unwrap(),
        tier: tier(tier_name),
        backend: BackendName::new(format!("{name}-backend")).unwrap(),
        price: Price::FREE,
        context_window: 8192,
        default_max_output_tokens: 100,
        abilities: Abilities::default(),
        unavailable_because: None,
        scripted: false,
    }
}

pub(crate) fn priced(tier_name: &str, name: &str, usd: &str) -> Model {
    Model {
        price: Price {
            per_request: usd.parse().unwrap(),
            ..Price::FREE
        },
        ..model(tier_name, name)
    }
}

pub(crate) fn classification(difficulty: f64) -> Classification {
    Classification {
        task_kind: TaskKind::Chat,
        difficulty: Score::clamped(difficulty),
        confidence: Score::ONE,
        code_language: None,
        expected_output_tokens: None,
        source: Source::Scorer,
        tier: None,
        evidence: Vec::new(),
        learned: Learned::default(),
        taught: Taught::default(),
    }
}

pub(crate) fn request() -> Request {
    Request {
        id: RequestId::generate(),
        body: None,
        project: ProjectName::new("default").unwrap(),
        key_id: String::new(),
        action: None,
        prompt: prompt("hello there", None),
        policy: Policy {
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
        },
        code_language: None,
        session: None,
        tags: BTreeMap::new(),
        priority: Priority::Interactive,
        is_shadow: false,
    }
}

/// What a client may have sent.
pub(crate) fn body() -> Fingerprint {
    Fingerprint::of(&mut RouteRequest::default())
}

pub(crate) fn prompt(text: &str, max_output_tokens: Option<u32>) -> Arc<Prompt> {
    let params = GenerationParams {
        max_output_tokens,
        ..GenerationParams::default()
    };
    Arc::new(Prompt::new(
        vec![text_message(Role::User, text)],
        params,
        None,
    ))
}

pub(crate) fn verdict(score: f64) -> Verdict {
    verdict_of(score, Vec::new())
}

/// What a scripted gateway does for one call.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// These pieces, then the end.
    Says(&'static [&'static str]),
    /// These pieces and a count, then a failure.
    Breaks(&'static [&'static str], Reason),
    /// Fails before anything comes.
    Fails(Reason),
    /// These pieces, then nothing for ever.
    Hangs(&'static [&'static str]),
    /// This piece after so long, then the end.
    Takes(Duration, &'static str),
}

const COUNTED: Usage = Usage {
    input_tokens: 3,
    output_tokens: 2,
    cached_input_tokens: 0,
    cache_write_tokens: 0,
    reasoning_tokens: 0,
    estimated: false,
};

#[derive(Debug)]
pub(crate) struct ScriptedGateway {
    model: Model,
    replies: Mutex<VecDeque<Reply>>,
    pub(crate) calls: Mutex<Vec<Instant>>,
    /// Held by every stream that nobody has dropped.
    open: Arc<()>,
}

impl ScriptedGateway {
    /// Streams that nobody has dropped.
    pub(crate) fn open(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }
}

#[async_trait]
impl Generate for ScriptedGateway {
    fn backend(&self) -> &BackendName {
        &self.model.backend
    }

    async fn generate(
        &self,
        _request: &Request,
        _candidate: &Candidate,
        _pieces: Pieces,
        _call: Call,
    ) -> Result<BoxStream<'static, Result<Generated, Failure>>, Failure> {
        self.calls.lock().unwrap().push(Instant::now());
        let reply = self
            .replies
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Reply::Says(&["ok"]));
        let texts = |pieces: &'static [&'static str]| {
            stream::iter(
                pieces
                    .iter()
                    .map(|piece| Ok(Generated::Delta(Delta::text(*piece)))),
            )
        };
        let failure = |reason| Failure::new(reason, "scripted failure");
        let answer = match reply {
            Reply::Takes(span, piece) => {
                let late = async move {
                    tokio::time::sleep(span).await;
                    Ok(Generated::Delta(Delta::text(piece)))
                };
                let end = Generated::Finished {
                    finish_reason: 1,
                    usage: Some(COUNTED),
                };
                stream::once(late).chain(stream::iter([Ok(end)])).boxed()
            }
            Reply::Says(pieces) => {
                let end = Generated::Finished {
                    finish_reason: 1,
                    usage: Some(COUNTED),
                };
                texts(pieces).chain(stream::iter([Ok(end)])).boxed()
            }
            Reply::Breaks(pieces, reason) => {
                let end = [Ok(Generated::Usage(COUNTED)), Err(failure(reason))];
                texts(pieces).chain(stream::iter(end)).boxed()
            }
            Reply::Fails(reason) => return Err(failure(reason)),
            Reply::Hangs(pieces) => texts(pieces).chain(stream::pending()).boxed(),
        };
        let open = Arc::clone(&self.open);
        Ok(answer.inspect(move |_| _ = &open).boxed())
    }

    async fn list_models(&self, _call: Call) -> Result<Listed, Failure> {
        Ok(Listed {
            models: vec![self.model.clone()],
            queue: None,
        })
    }
}

#[derive(Debug)]
pub(crate) struct ScriptedClassifier(pub(crate) Result<Classification, Failure>);

#[async_trait]
impl Classify for ScriptedClassifier {
    async fn classify(&self, _request: &Request, _call: Call) -> Result<Classification, Failure> {
        self.0.clone()
    }
}

/// Gives its verdicts in order, then passes everything.
#[derive(Debug, Default)]
pub(crate) struct ScriptedJudge {
    verdicts: Mutex<VecDeque<Result<Verdict, Failure>>>,
    /// How long it thinks.
    delay: Duration,
}

#[async_trait]
impl Judge for ScriptedJudge {
    async fn judge(&self, _answered: Answered<'_>, call: Call) -> Result<Judged, Failure> {
        let thinks = tokio::time::sleep(self.delay);
        if call.deadline.limit("it was judged", thinks).await.is_err() {
            return Err(Failure::new(
                Reason::ServiceUnavailable,
                "no verdict in time",
            ));
        }
        let next = self.verdicts.lock().unwrap().pop_front();
        Ok(Judged {
            verdict: next.unwrap_or_else(|| Ok(verdict(1.0)))?,
            opinions: Vec::new(),
            code_tree: None,
        })
    }

    /// Looks at the first text and at each after it: what has the word "hopeless" in it is.
    fn watch(
        &self,
        _answering: Answering<'_>,
        text: mpsc::UnboundedReceiver<String>,
        _call: Call,
    ) -> Outlook {
        let texts = tokio_stream::wrappers::UnboundedReceiverStream::new(text);
        let look = |text: String| Ok(verdict(if text.contains("hopeless") { 0.1 } else { 1.0 }));
        texts.map(look).boxed()
    }
}

/// A ledger in memory: one budget, holds by step, rows by step, the close.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) cap: Option<NanoUsd>,
    pub(crate) spent: NanoUsd,
    pub(crate) holds: HashMap<Step, NanoUsd>,
    pub(crate) rows: Vec<Attempt>,
    pub(crate) close: Option<Close>,
    pub(crate) known: Option<KnownRequest>,
    /// How many settlements fail before one works.
    pub(crate) failing_settlements: u32,
    pub(crate) settlements: u32,
    /// How long the ledger takes to answer.
    pub(crate) delay: Duration,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct ScriptedLedger(pub(crate) Arc<Mutex<Books>>);

#[async_trait]
impl Ledger for ScriptedLedger {
    async fn reserve(
        &self,
        _request: &Request,
        step: Step,
        candidate: &Candidate,
        _call: Call,
    ) -> Result<Option<SystemTime>, Failure> {
        let delay = self.0.lock().unwrap().delay;
        tokio::time::sleep(delay).await;
        let mut books = self.0.lock().unwrap();
        let held: NanoUsd = books.holds.values().copied().sum();
        let wanted = books.spent.plus(held).plus(candidate.worst_case);
        if books.cap.is_some_and(|cap| wanted > cap) {
            return Err(Failure::new(
                Reason::BudgetExhausted,
                "the budget is used up",
            ));
        }
        books.holds.insert(step, candidate.worst_case);
        Ok(None)
    }

    async fn settle(
        &self,
        request: &Request,
        attempts: &[Attempt],
        close: Option<&Close>,
        _call: Call,
    ) -> Result<(), Failure> {
        let delay = self.0.lock().unwrap().delay;
        tokio::time::sleep(delay).await;
        let mut books = self.0.lock().unwrap();
        books.settlements += 1;
        if books.failing_settlements > 0 {
            books.failing_settlements -= 1;
            return Err(Failure::new(
                Reason::LedgerUnavailable,
                "the ledger is away",
            ));
        }
        for attempt in attempts {
            assert!(
                books.rows.iter().all(|row| row.index != attempt.index),
                "settled twice"
            );
            books.holds.remove(&request.step(attempt.index));
            books.spent = books.spent.plus(attempt.cost);
            books.rows.push(attempt.clone());
        }
        if let Some(close) = close {
            books.holds.clear();
            books.close = Some(close.clone());
        }
        Ok(())
    }

    async fn find(&self, _request: &Request, _call: Call) -> Result<Option<KnownRequest>, Failure> {
        Ok(self.0.lock().unwrap().known.clone())
    }
}

/// A router over scripted ports, and the scripts.
pub(crate) struct Bench {
    pub(crate) router: Router,
    pub(crate) books: Arc<Mutex<Books>>,
    pub(crate) gateways: Vec<Arc<ScriptedGateway>>,
    pub(crate) cancel: CancellationToken,
}

/// What a bench is made from; unset parts work well.
pub(crate) struct Script {
    pub(crate) models: Vec<(Model, Vec<Reply>)>,
    pub(crate) classification: Result<Classification, Failure>,
    pub(crate) verdicts: Vec<Result<Verdict, Failure>>,
    /// How long the judge thinks.
    pub(crate) judge_delay: Duration,
    pub(crate) books: Books,
    pub(crate) on_judge_unavailable: OnJudgeUnavailable,
    pub(crate) on_classifier_unavailable: OnClassifierUnavailable,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            models: three_tiers()
                .into_iter()
                .map(|model| (model, Vec::new()))
                .collect(),
            classification: Ok(classification(0.1)),
            verdicts: Vec::new(),
            judge_delay: Duration::ZERO,
            books: Books::default(),
            on_judge_unavailable: OnJudgeUnavailable::NextTier,
            on_classifier_unavailable: OnClassifierUnavailable::LowestTier,
        }
    }
}

impl Script {
    /// The replies of the three tiers' models.
    pub(crate) fn replies(mut self, replies: [Vec<Reply>; 3]) -> Self {
        for ((_, slot), replies) in self.models.iter_mut().zip(replies) {
            *slot = replies;
        }
        self
    }

    pub(crate) async fn bench(self) -> Bench {
        let gateway = |(model, replies): (Model, Vec<Reply>)| {
            Arc::new(ScriptedGateway {
                model,
                replies: Mutex::new(replies.into()),
                calls: Mutex::default(),
                open: Arc::default(),
            })
        };
        let gateways: Vec<_> = self.models.into_iter().map(gateway).collect();
        let as_ports = gateways
            .iter()
            .map(|gateway| Arc::clone(gateway) as Arc<dyn Generate>);
        let catalog = Arc::new(Catalog::new(as_ports.collect()));
        catalog.refresh().await;
        let ledger = ScriptedLedger(Arc::new(Mutex::new(self.books)));
        let ports = Ports {
            classify: Arc::new(ScriptedClassifier(self.classification)),
            judge: Arc::new(ScriptedJudge {
                verdicts: Mutex::new(self.verdicts.into()),
                delay: self.judge_delay,
            }),
            ledger: Arc::new(ledger.clone()),
        };
        let settings = RouteSettings {
            rules: rules(),
            on_judge_unavailable: self.on_judge_unavailable,
            on_classifier_unavailable: self.on_classifier_unavailable,
            baseline: Some(Baseline {
                model: ModelName::new("big").unwrap(),
                price: priced("api_fallback", "big", "0.01").price,
            }),
            sessions: SessionSettings {
                ttl: Duration::from_secs(600),
                most: 100,
            },
            hedge: hedging(),
        };
        Bench {
            router: Router::new(ports, catalog, settings),
            books: ledger.0,
            gateways,
            cancel: CancellationToken::new(),
        }
    }
}

impl Bench {
    /// Routes a request that has a minute.
    pub(crate) async fn route(&self, request: &Request) -> Result<RouteAnswered, Box<Unanswered>> {
        let context = self.context(Duration::from_secs(60));
        self.router.route(request, &context).await
    }

    pub(crate) fn context(&self, span: Duration) -> Context {
        Context {
            call: Call {
                deadline: Deadline::within(span),
            },
            cancel: self.cancel.clone(),
            events: Events::nowhere(),
        }
    }

    pub(crate) fn calls(&self) -> Vec<u32> {
        self.gateways
            .iter()
            .map(|gateway| u32::try_from(gateway.calls.lock().unwrap().len()).unwrap())
            .collect()
    }
}
