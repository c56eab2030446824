//! Who else is asked. Models over their [`gateways`], and judges of the user's own: any server that implements `JudgeService`, in any language.
//!
//! They are asked last and all at once, and not at all about an answer that has failed already. Each
//! has its time; one that does not answer in it is passed over, or fails the judging where the
//! config requires it. What they say counts like a check of ours; their words are theirs to answer
//! for.

pub mod gateways;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use terrace_config::ExternalJudge;
use terrace_domain::{Failure, Reason, Score};
use terrace_proto::judge::v1 as wire;
use terrace_proto::judge::v1::judge_service_client::JudgeServiceClient;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::link::{InvalidUrl, Link, Network};
use terrace_rpc::status::to_failure;

use crate::check::{Finding, Kind};
use crate::weigh::{self, Verdict, Weighed};

/// How much of another judge's words is passed on.
const MAX_WORDS_BYTES: usize = 200;

/// All of the user's own judges.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    judges: Arc<[External]>,
}

#[derive(Debug)]
struct External {
    name: Arc<str>,
    client: JudgeServiceClient<Link>,
    timeout: Duration,
    weight: f64,
    hard: bool,
    required: bool,
}

impl Panel {
    /// Makes a link to each. Connects to nothing yet.
    ///
    /// # Errors
    /// An address is none.
    pub fn new(judges: &[ExternalJudge], network: &Network) -> Result<Self, InvalidUrl> {
        let judges = judges.iter().map(|judge| {
            let link = network.link("external_judge", judge.url.as_str().trim_end_matches('/'))?;
            Ok(External {
                name: judge.name.as_str().into(),
                client: JudgeServiceClient::new(link),
                timeout: judge.timeout,
                weight: judge.weight,
                hard: judge.hard,
                required: judge.required,
            })
        });
        Ok(Self {
            judges: judges.collect::<Result<_, _>>()?,
        })
    }

    /// Keeps a request for them, if there are any.
    #[must_use]
    pub fn scene(&self, request: &wire::JudgeRequest) -> Option<wire::JudgeRequest> {
        (!self.judges.is_empty()).then(|| request.clone())
    }

    /// The verdict with what they say.
    ///
    /// # Errors
    /// One that is required did not answer.
    pub async fn joined(
        &self,
        verdict: Verdict,
        scene: Option<wire::JudgeRequest>,
        deadline: Deadline,
    ) -> Result<Verdict, Failure> {
        let failed = verdict
            .findings
            .iter()
            .any(|found| found.finding.hard_failure);
        let Some(request) = scene.filter(|_| !failed) else {
            return Ok(verdict);
        };
        let asked = self.judges.iter().filter(|judge| judge.weight > 0.0);
        let answers = join_all(asked.map(|judge| judge.ask(&request, deadline))).await;
        let mut findings = verdict.findings;
        for answer in answers {
            findings.extend(answer?);
        }
        Ok(weigh::verdict(findings, verdict.threshold))
    }
}

impl External {
    /// What it finds; `None` where it cannot decide.
    async fn ask(
        &self,
        request: &wire::JudgeRequest,
        deadline: Deadline,
    ) -> Result<Option<Weighed>, Failure> {
        let within = Deadline::within(self.timeout).earlier(deadline);
        let mut client = self.client.clone();
        let answer = client.judge(request_within(request.clone(), within)).await;
        let verdict = answer
            .map_err(|status| to_failure(&status))
            .and_then(|answer| self.read(answer.into_inner()));
        match verdict {
            Ok(finding) => Ok(finding.map(|finding| self.weighed(self.weight, finding))),
            Err(failure) if self.required => Err(Failure::new(
                Reason::ServiceUnavailable,
                format!(
                    "the judge {} is required and did not answer ({}): look at its log",
                    self.name, failure.reason
                ),
            )),
            Err(failure) => {
                // Its message is not logged: nobody knows what such a judge writes into one.
                tracing::warn!(judge = %self.name, reason = %failure.reason, "an external judge did not answer");
                // Of no weight: it is told and counts for nothing.
                let passed_over = Finding::good("did not answer: judged without it");
                Ok(Some(self.weighed(0.0, passed_over)))
            }
        }
    }

    fn read(&self, response: wire::JudgeResponse) -> Result<Option<Finding>, Failure> {
        let broke = |what: &str| Failure::new(Reason::Internal, what.to_owned());
        let verdict = response
            .verdict
            .ok_or_else(|| broke("its answer has no verdict"))?;
        if verdict.undecided {
            return Ok(None);
        }
        let score =
            Score::new(verdict.score).map_err(|_| broke("its score is not between 0 and 1"))?;
        let words = worst(&verdict.checks);
        Ok(Some(if verdict.passed || !self.hard {
            Finding::scored(score.get(), words)
        } else {
            Finding::hard(words)
        }))
    }

    fn weighed(&self, weight: f64, finding: Finding) -> Weighed {
        Weighed {
            kind: Kind::External,
            named: Some(Arc::clone(&self.name)),
            weight,
            finding,
        }
    }
}

/// The words of its lowest finding, cut short.
fn worst(checks: &[wire::CheckFinding]) -> String {
    let lowest = checks.iter().min_by(|a, b| a.score.total_cmp(&b.score));
    let words = lowest.map_or("gave a score and no words", |found| found.finding.as_str());
    words[..words.floor_char_boundary(MAX_WORDS_BYTES)].to_owned()
}
