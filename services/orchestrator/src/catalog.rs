//! The models of all gateways, as last heard of: what a plan chooses from.
//!
//! Gateways are asked in the background and plans read the last picture without waiting. A
//! gateway that cannot be asked keeps its models, marked unavailable with the reason, so that a
//! plan can say why it left them out.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::future::join_all;
use terrace_domain::{BackendName, Failure, ModelName, Price, TierName};
use terrace_runtime::Shutdown;

use crate::ports::{Call, Generate};

/// How long a gateway may take to list its models.
const LIST_TIMEOUT: Duration = Duration::from_secs(3);
/// How often gateways are asked when all of them answer.
const REFRESH_EVERY: Duration = Duration::from_secs(5);
/// How often gateways are asked while one of them does not answer.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// A model as its gateway describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Name as the backend knows it.
    pub name: ModelName,
    /// Tier that the config puts it in.
    pub tier: TierName,
    /// Backend that runs it.
    pub backend: BackendName,
    /// What it costs.
    pub price: Price,
    /// Tokens that prompt and output may have together.
    pub context_window: u32,
    /// Output cap when the caller gives none.
    pub default_max_output_tokens: u32,
    /// What it can do.
    pub abilities: Abilities,
    /// Why it cannot be called now, and what to do about it.
    pub unavailable_because: Option<String>,
    /// Whether it is a scripted stand-in and not a real model.
    pub scripted: bool,
}

/// How busy a backend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The backend.
    pub backend: BackendName,
    /// Calls that are being answered.
    pub in_flight: u32,
    /// Calls that wait for a place.
    pub waiting: u32,
    /// How many may be answered at once.
    pub places: u32,
}

/// What a gateway lists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed {
    /// Its models.
    pub models: Vec<Model>,
    /// How busy its backend is, where the gateway says so.
    pub queue: Option<Queue>,
}

/// What a model can do beyond plain text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abilities {
    /// It is made for code.
    pub code: bool,
    /// It reads pictures.
    pub vision: bool,
    /// It calls tools.
    pub tools: bool,
    /// It can be held to JSON.
    pub json: bool,
    /// It can be held to a JSON Schema.
    pub json_schema: bool,
    /// Its backend gives log-probabilities.
    pub logprobs: bool,
    /// It turns texts into vectors.
    pub embeddings: bool,
}

/// All models, in the order of the config's tiers and of the gateways' lists.
pub type Snapshot = Arc<Vec<Model>>;

/// Knows the models of all gateways.
#[derive(Debug)]
pub struct Catalog {
    gateways: Vec<Arc<dyn Generate>>,
    /// What the config says of the models, for a gateway that has never been there.
    configured: Vec<Model>,
    models: ArcSwap<Vec<Model>>,
    queues: ArcSwap<Vec<Queue>>,
}

impl Catalog {
    /// Creates a catalog that knows no model yet.
    #[must_use]
    pub fn new(gateways: Vec<Arc<dyn Generate>>) -> Self {
        Self {
            gateways,
            configured: Vec::new(),
            models: ArcSwap::from_pointee(Vec::new()),
            queues: ArcSwap::from_pointee(Vec::new()),
        }
    }

    /// The same with what the config says of the models, which stands for a gateway at zero
    /// replicas that has listed none yet.
    #[must_use]
    pub fn configured(self, configured: Vec<Model>) -> Self {
        Self { configured, ..self }
    }

    /// The models as last heard of.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.models.load_full()
    }

    /// How busy the backends were whose gateways answered last.
    #[must_use]
    pub fn queues(&self) -> Arc<Vec<Queue>> {
        self.queues.load_full()
    }

    /// The gateway in front of `backend`.
    #[must_use]
    pub fn gateway(&self, backend: &BackendName) -> Option<Arc<dyn Generate>> {
        let of_backend = |gateway: &&Arc<dyn Generate>| gateway.backend() == backend;
        self.gateways.iter().find(of_backend).cloned()
    }

    /// Asks every gateway once, all at the same time; returns whether all of them answered.
    pub async fn refresh(&self) -> bool {
        let before = self.snapshot();
        let asked = self.gateways.iter().map(|gateway| async {
            let listed = self.ask(gateway.as_ref(), &before).await;
            (gateway.backend(), listed)
        });
        let (mut models, mut queues) = (Vec::new(), Vec::new());
        let mut all_answered = true;
        for (backend, listed) in join_all(asked).await {
            match listed {
                Ok(listed) => {
                    models.extend(listed.models);
                    queues.extend(listed.queue);
                }
                Err(failure) => {
                    all_answered = false;
                    tracing::warn!(backend = %backend, reason = %failure.reason, "gateway did not list its models");
                    let known = before.iter().filter(|model| &model.backend == backend);
                    models.extend(known.cloned().map(|model| Model {
                        unavailable_because: Some(failure.message.clone()),
                        ..model
                    }));
                }
            }
        }
        self.models.store(Arc::new(models));
        self.queues.store(Arc::new(queues));
        all_answered
    }

    /// Asks one gateway; one at zero replicas is taken at its last word.
    async fn ask(&self, gateway: &dyn Generate, before: &[Model]) -> Result<Listed, Failure> {
        let asleep = || Listed {
            models: self.asleep(gateway.backend(), before),
            queue: None,
        };
        if gateway.is_at_zero() {
            return Ok(asleep());
        }
        match gateway.list_models(Call::within(LIST_TIMEOUT)).await {
            Err(_) if gateway.is_at_zero() => Ok(asleep()),
            listed => listed,
        }
    }

    /// The models of a gateway at zero replicas: they can be called, because a call wakes it.
    fn asleep(&self, backend: &BackendName, before: &[Model]) -> Vec<Model> {
        let of = |models: &[Model]| -> Vec<Model> {
            let own = models.iter().filter(|model| &model.backend == backend);
            own.cloned()
                .map(|model| Model {
                    unavailable_because: None,
                    ..model
                })
                .collect()
        };
        let known = of(before);
        match known.is_empty() {
            true => of(&self.configured),
            false => known,
        }
    }

    /// Keeps the picture fresh until shutdown; `all_answered` is what the refresh before said.
    pub async fn keep_fresh(self: Arc<Self>, mut all_answered: bool, shutdown: Shutdown) {
        loop {
            let pause = if all_answered {
                REFRESH_EVERY
            } else {
                RETRY_EVERY
            };
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(pause) => all_answered = self.refresh().await,
            }
        }
    }
}
