//! Texts into vectors: one model, one attempt, in the same books.
//!
//! Vectors of two models cannot be compared, so a caller who asks again has to get the same model:
//! the first of the plan that makes vectors is used, and when it fails no other one is tried.

use std::sync::Arc;
use std::time::SystemTime;

use terrace_domain::{Failure, NanoUsd, Reason, Usage};
use tokio::time::Instant;

use crate::catalog::Model;
use crate::classification::Classification;
use crate::metrics;
use crate::ports::Call;
use crate::request::Request;
use crate::route::attempt::Scene;
use crate::route::events::Event;
use crate::route::outcome::decide;
use crate::route::plan::{Candidate, Plan, Situation, plan};
use crate::route::trail::{Attempt, Hops, Outcome, Trail};
use crate::route::{Answered, Context, Ending, Router, Unanswered};

/// Vectors, and everything about how they came to be.
#[derive(Debug)]
pub struct Embedded {
    /// One for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// The request's end.
    pub answered: Answered,
}

impl Router {
    /// Turns the texts of a request into vectors.
    ///
    /// # Errors
    /// [`Unanswered`] with the attempt made and what it cost.
    pub async fn embed(
        &self,
        request: &Request,
        texts: Vec<String>,
        context: &Context,
    ) -> Result<Embedded, Box<Unanswered>> {
        let arrived = Instant::now();
        let traced = self.traces.begin(request);
        let context = &context.traced(traced.tracer());
        let embedded = self.embed_traced(request, texts, context, arrived).await;
        let end = embedded.as_ref().map(|embedded| &embedded.answered);
        traced.end(end.map_err(|unanswered| &**unanswered));
        embedded
    }

    async fn embed_traced(
        &self,
        request: &Request,
        texts: Vec<String>,
        context: &Context,
        arrived: Instant,
    ) -> Result<Embedded, Box<Unanswered>> {
        let plan = Arc::new(self.plan_of_vectors(request, context.call));
        let made = Event::PlanMade {
            id: request.id,
            plan: Arc::clone(&plan),
        };
        context.events.send(made).await;
        let mut trail = Trail::default();
        let mut vectors = Vec::new();
        if let Some(candidate) = plan.candidates.first() {
            let scene = Scene {
                request,
                asked: request,
                plan: &plan,
                context,
                spent: NanoUsd::ZERO,
                deadline: context.call.deadline,
                repair_of: None,
                race: None,
            };
            let started = Event::attempt_started(0, candidate, None);
            context.events.send(started).await;
            let attempt = self.embed_with(scene, candidate, texts, &mut vectors).await;
            context.events.attempt_ended(&attempt).await;
            metrics::attempt_ended(&attempt);
            trail.push(attempt);
        }
        let out_of_time = context.call.deadline.has_passed();
        let ending = Ending {
            end: decide(&plan, trail.attempts(), out_of_time),
            classification: plan.classification.clone(),
            arrived,
        };
        let answered = self.finish(request, context, trail, ending).await;
        metrics::request_ended(&answered, arrived.elapsed());
        answered.map(|answered| Embedded { vectors, answered })
    }

    /// The plan over models that make vectors; how hard a text is does not matter.
    fn plan_of_vectors(&self, request: &Request, call: Call) -> Plan {
        let models = self.catalog.snapshot();
        let can = |model: &&Model| model.abilities.embeddings;
        let models: Vec<Model> = models.iter().filter(can).cloned().collect();
        let classification = Classification::unavailable("vectors are made without classification");
        let situation = Situation {
            cut: None,
            models: &models,
            records: &[],
            refusal: None,
            home: None,
            time: call.deadline.remaining(),
        };
        plan(request, classification, situation, &self.settings.rules)
    }

    async fn embed_with(
        &self,
        scene: Scene<'_>,
        candidate: &Candidate,
        texts: Vec<String>,
        vectors: &mut Vec<Vec<f32>>,
    ) -> Attempt {
        let (started_at, clock) = (SystemTime::now(), Instant::now());
        let held = self.reserve(scene, 0, candidate).await;
        let reserving = clock.elapsed();
        let (outcome, usage) = match held {
            Err(failure) => (Outcome::Skipped(failure), Usage::default()),
            Ok(()) => match self.call_for_vectors(scene, candidate, texts).await {
                Some(Ok((made, usage))) => {
                    *vectors = made;
                    (Outcome::Accepted, usage)
                }
                Some(Err(failure)) => (Outcome::Failed(failure), Usage::default()),
                // The backend has the texts: it may bill them, whoever waits.
                None => (Outcome::Cancelled, estimate(scene.request)),
            },
        };
        let was_called = !matches!(outcome, Outcome::Skipped(_));
        let hops = Hops {
            reserving,
            generating: was_called.then(|| clock.elapsed().saturating_sub(reserving)),
            ..Hops::default()
        };
        Attempt {
            index: 0,
            candidate: Arc::new(candidate.clone()),
            cost: if usage.input_tokens > 0 {
                candidate.price.cost(usage)
            } else {
                NanoUsd::ZERO
            },
            detail: outcome_detail(&outcome),
            outcome,
            verdict: None,
            opinions: Vec::new(),
            code_tree: None,
            usage,
            started_at,
            latency: clock.elapsed(),
            answer: None,
            committed: false,
            repair_of: None,
            hedges: None,
            hops,
        }
    }

    /// Asks the gateway; `None` when the caller left first.
    async fn call_for_vectors(
        &self,
        scene: Scene<'_>,
        candidate: &Candidate,
        texts: Vec<String>,
    ) -> Option<Result<(Vec<Vec<f32>>, Usage), Failure>> {
        let Some(gateway) = self.catalog.gateway(&candidate.backend) else {
            let message = format!("there is no gateway for backend {}", candidate.backend);
            return Some(Err(Failure::new(Reason::Internal, message)));
        };
        let call = Call {
            deadline: scene.deadline,
        };
        tokio::select! {
            biased;
            () = scene.context.cancel.cancelled() => None,
            made = gateway.embed(scene.request, &candidate.model, texts, call) => Some(made),
        }
    }
}

fn estimate(request: &Request) -> Usage {
    Usage {
        input_tokens: request.prompt.estimated_tokens(),
        estimated: true,
        ..Usage::default()
    }
}

fn outcome_detail(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed(failure) | Outcome::Unjudged(failure) | Outcome::Skipped(failure) => {
            failure.message.clone()
        }
        Outcome::Cancelled => "the caller went away or its deadline passed".to_owned(),
        Outcome::Accepted | Outcome::Rejected | Outcome::CalledOff => String::new(),
    }
}
