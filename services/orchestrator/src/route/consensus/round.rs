//! One round: hold the worst case of every member, call them all, count their votes as they come,
//! call the rest off as soon as the end is clear.

use futures::StreamExt as _;
use futures::future::{join_all, ready};
use futures::stream::FuturesUnordered;
use terrace_domain::{BackendName, Failure, ModelName};
use terrace_proto::common::v1::response_format::Kind;

use crate::answer::Answer;
use crate::metrics;
use crate::ports::Call;
use crate::request::Request;
use crate::route::attempt::Scene;
use crate::route::consensus::ballot::Ballot;
use crate::route::consensus::meaning::{Meaning, in_words};
use crate::route::consensus::plan::Round;
use crate::route::events::{Event, Events};
use crate::route::trail::{Attempt, Outcome, Trail};
use crate::route::{Context, Router};

impl Router {
    /// Asks the members of a round; its attempts are the first of the trail.
    #[tracing::instrument(name = "consensus", skip_all, fields(
        terrace.consensus.members = round.members.len(),
        terrace.consensus.agreed = tracing::field::Empty,
    ))]
    pub(in crate::route) async fn ask_at_once(
        &self,
        scene: Scene<'_>,
        round: &Round,
        trail: &mut Trail,
    ) {
        let outer = scene.context;
        for (index, member) in (0..).zip(&round.members) {
            let started = Event::attempt_started(index, member, None);
            outer.events.send(started).await;
        }
        let context = Context {
            call: outer.call,
            cancel: outer.cancel.child_token(),
            // What members say leaves when they have agreed, whatever the caller's mode.
            events: Events::nowhere(),
        };
        let scene = Scene {
            context: &context,
            ..scene
        };
        let holds = self.hold_all(scene, round).await;
        let mut ballot = Ballot::new(round);
        self.count(scene, (round, holds), &mut ballot).await;
        let (attempts, consensus) = ballot.close(outer.cancel.is_cancelled());
        for attempt in &attempts {
            outer.events.attempt_ended(attempt).await;
        }
        tracing::Span::current().record("terrace.consensus.agreed", consensus.agreed);
        metrics::consensus_ended(&consensus);
        trail.begin_with(attempts, consensus);
    }

    /// Holds the worst cases of all members, each as if the ones before it had cost theirs.
    async fn hold_all(&self, scene: Scene<'_>, round: &Round) -> Vec<Result<(), Failure>> {
        let mut spent = scene.spent;
        let holds = (0..).zip(&round.members).map(|(index, member)| {
            let scene = Scene { spent, ..scene };
            spent = spent.plus(member.worst_case);
            self.reserve(scene, index, member)
        });
        let holds = join_all(holds.collect::<Vec<_>>()).await;
        let refused = || holds.iter().filter_map(|hold| hold.as_ref().err());
        let hopeless = |refusal: &&Failure| {
            let held = |member: usize| holds.get(member).is_some_and(Result::is_ok);
            !refusal.reason.may_fall_back() || !round.can_agree(held)
        };
        let Some(refusal) = refused().find(hopeless).map(too_few) else {
            return holds;
        };
        let instead = |hold: Result<(), Failure>| hold.and_then(|()| Err(refusal.clone()));
        holds.into_iter().map(instead).collect()
    }

    /// Calls those whose money is held, and counts until the last one has ended.
    async fn count(
        &self,
        scene: Scene<'_>,
        (round, holds): (&Round, Vec<Result<(), Failure>>),
        ballot: &mut Ballot<'_>,
    ) {
        let members = round.members.iter().zip(holds).enumerate();
        let asked = members.map(|(member, (candidate, hold))| {
            let refused = hold.is_err();
            // Boxed: the future of an attempt is large.
            let asked = Box::pin(async move {
                let index = u32::try_from(member).unwrap_or(u32::MAX);
                let hold = ready(hold);
                let attempt = self.attempt_once(scene, index, candidate, hold).await;
                let says = self.says(scene, round, &attempt).await;
                (member, attempt, says)
            });
            (refused, asked)
        });
        let mut calls = FuturesUnordered::new();
        for (refused, asked) in asked {
            if refused {
                // Ends at once and calls nobody; told before anything else can end the round.
                let (member, attempt, says) = asked.await;
                ballot.take(member, attempt, says);
            } else {
                calls.push(asked);
            }
        }
        while let Some((member, attempt, says)) = calls.next().await {
            ballot.take(member, attempt, says);
            if ballot.is_over() {
                scene.context.cancel.cancel();
            }
        }
    }

    /// What an answer says, or why it has no vote.
    async fn says(
        &self,
        scene: Scene<'_>,
        round: &Round,
        attempt: &Attempt,
    ) -> Result<Meaning, String> {
        let answer = eligible(attempt)?;
        let has_calls = !answer.tool_calls.is_empty();
        match &round.embedder {
            Some(embedder) if !has_calls => self.direction(scene, embedder, answer).await,
            _ if let Some(tree) = attempt.code_tree.as_ref().filter(|_| !has_calls) => {
                Ok(Meaning::Said(tree.clone()))
            }
            _ => {
                let options = options(scene.request);
                in_words(answer, round.equivalence, options).map_err(ToOwned::to_owned)
            }
        }
    }

    /// The direction of an answer in the space of an embedding model.
    async fn direction(
        &self,
        scene: Scene<'_>,
        (backend, model): &(BackendName, ModelName),
        answer: &Answer,
    ) -> Result<Meaning, String> {
        let gateway = self.catalog.gateway(backend);
        let gateway = gateway.ok_or_else(|| format!("there is no gateway for {backend}"))?;
        let call = Call {
            deadline: scene.deadline,
        };
        let texts = vec![answer.text.clone()];
        let vectors = tokio::select! {
            biased;
            () = scene.context.cancel.cancelled() => return Err("the others had decided".to_owned()),
            vectors = gateway.embed(scene.request, model, texts, call) => vectors,
        };
        let (vectors, _free) =
            vectors.map_err(|failure| format!("{model} made no vector of it: {failure}"))?;
        let vector = vectors.into_iter().next();
        let vector = vector.ok_or_else(|| format!("{model} made no vector of it"))?;
        Ok(Meaning::Direction(vector))
    }
}

/// An answer that may be counted: a whole one, that no hard check is against and that was judged
/// if answers are.
fn eligible(attempt: &Attempt) -> Result<&Answer, String> {
    let answer = attempt.answer.as_ref().ok_or("there is no answer")?;
    let fit = match &attempt.verdict {
        Some(verdict) => !verdict.checks.iter().any(|check| check.hard_failure),
        None => attempt.outcome == Outcome::Accepted,
    };
    fit.then_some(answer)
        .ok_or_else(|| "the judge is against it".to_owned())
}

/// The choices that the request leaves.
fn options(request: &Request) -> &[String] {
    let format = request.prompt.response_format();
    match format.and_then(|format| format.kind.as_ref()) {
        Some(Kind::Choice(choice)) => &choice.options,
        _ => &[],
    }
}

/// Why a member whose money was held is not called.
fn too_few(refusal: &Failure) -> Failure {
    Failure {
        message: format!(
            "not called: without those that were refused no agreement is possible. {}",
            refusal.message
        ),
        ..refusal.clone()
    }
}
