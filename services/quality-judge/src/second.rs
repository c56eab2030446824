//! Second opinions: other models are asked about an answer that the checks leave open.
//!
//! Only where the score lies in the grey zone. First one that answers the same question itself:
//! [`agreement`] on what can be compared is a good sign, however it came about. If the score is still
//! open, one that reads the answer: [`critique`], asked twice with its options swapped, because a small
//! model's favourite is often the place and not the answer. Each has a say by how often it is right
//! ([`Odds`]), so that one that is hardly better than chance hardly counts. One that does not answer is
//! told and counts for nothing.

pub mod agreement;
pub mod critique;
mod opinion;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use terrace_domain::{BackendName, Failure, ModelName, Price, TierName, Usage};
use terrace_proto::common::v1::{Message, Role};
use terrace_proto::convert::text_message;
use terrace_rpc::deadline::Deadline;

use crate::asked::Reader;
use crate::check::{Finding, Kind};
use crate::weigh::{self, Verdict, Weighed};
use agreement::Form;
use opinion::Asking;
pub use opinion::Opinion;

/// What is asked of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The conversation.
    pub messages: Vec<Message>,
    /// Most tokens of its answer.
    pub max_output_tokens: u32,
    /// The request that it is asked for.
    pub request_id: String,
}

/// Has a model answer, over whatever there is between.
#[async_trait]
pub trait Ask: Debug + Send + Sync {
    /// What `model` answers.
    ///
    /// # Errors
    /// It did not answer, or not in time.
    async fn ask(
        &self,
        model: &Model,
        question: Question,
        within: Deadline,
    ) -> Result<Reply, Failure>;
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its text.
    pub text: String,
    /// What it used.
    pub usage: Usage,
}

/// A model and where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its name at its backend.
    pub name: ModelName,
    /// The backend.
    pub backend: BackendName,
    /// The tier that the config puts it in.
    pub tier: TierName,
    /// What it costs.
    pub price: Price,
}

/// How often something says yes, of what is right and of what is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Odds {
    /// Share of right answers that it says yes to, above 0 and below 1.
    pub when_right: f64,
    /// Share of wrong answers that it says yes to.
    pub when_wrong: f64,
}

impl Odds {
    /// The chance that an answer is right of which nothing else is known.
    #[must_use]
    pub fn chance(self, yes: bool) -> f64 {
        let (right, wrong) = if yes {
            (self.when_right, self.when_wrong)
        } else {
            (1.0 - self.when_right, 1.0 - self.when_wrong)
        };
        right / (right + wrong)
    }
}

/// Whom to ask, and what comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Advisor {
    /// Models that may be asked, the first that is another than the author before the others.
    pub models: Vec<Model>,
    /// How long it is waited for.
    pub timeout: Duration,
    /// Most tokens of its answer.
    pub max_output_tokens: u32,
    /// What its word is worth.
    pub odds: Odds,
}

/// Who is asked, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Scores that leave an answer open, both ends among them.
    pub grey_zone: [f64; 2],
    /// Who answers the question too.
    pub agreement: Option<Advisor>,
    /// Who reads the answer.
    pub critique: Option<Advisor>,
}

/// What they are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// The conversation.
    pub messages: Vec<Message>,
    /// What was asked last.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// Model that gave it; empty where that is not known.
    pub author: String,
    /// The request.
    pub request_id: String,
}

/// All who may be asked.
#[derive(Debug, Clone)]
pub struct Seconds {
    settings: Arc<Settings>,
    ask: Arc<dyn Ask>,
    reader: Reader,
}

impl Seconds {
    /// Asks those of `settings` over `ask`.
    ///
    /// # Errors
    /// A built-in pattern is no pattern: a defect of the build.
    pub fn new(settings: Settings, ask: Arc<dyn Ask>) -> Result<Self, regex::Error> {
        Ok(Self {
            settings: Arc::new(settings),
            ask,
            reader: Reader::new()?,
        })
    }

    /// The verdict with what they say, and who was asked for it.
    pub async fn joined(
        &self,
        verdict: Verdict,
        subject: &Subject,
        deadline: Deadline,
    ) -> (Verdict, Vec<Opinion>) {
        let mut verdict = verdict;
        let (mut opinions, mut differing) = (Vec::new(), None);
        if let Some(advisor) = self
            .settings
            .agreement
            .as_ref()
            .filter(|_| self.is_open(&verdict))
            && let Some((said, theirs)) = self.agreement(advisor, subject, deadline).await
        {
            differing = theirs;
            verdict = with(verdict, said.finding);
            opinions.push(said.opinion);
        }
        if let Some(advisor) = self
            .settings
            .critique
            .as_ref()
            .filter(|_| self.is_open(&verdict))
        {
            let critique = self.critique(advisor, subject, differing.as_deref(), deadline);
            if let Some(said) = critique.await {
                verdict = with(verdict, said.finding);
                opinions.push(said.opinion);
            }
        }
        (verdict, opinions)
    }

    /// Whether the checks leave an answer open.
    fn is_open(&self, verdict: &Verdict) -> bool {
        let [from, to] = self.settings.grey_zone;
        let failed = verdict
            .findings
            .iter()
            .any(|found| found.finding.hard_failure);
        let score = verdict.score.get();
        !failed && (verdict.undecided || (from..=to).contains(&score))
    }

    /// What comes of another model's answer, and that answer where it is another one. Nothing where
    /// answers of this form cannot be compared.
    async fn agreement(
        &self,
        advisor: &Advisor,
        subject: &Subject,
        deadline: Deadline,
    ) -> Option<(Said, Option<String>)> {
        let form = Form::of(&self.reader, &subject.question, &subject.answer)?;
        let model = another(&advisor.models, &subject.author, |model| {
            model.name.as_str() != subject.author
        })?;
        let mut asking = Asking::begin(Kind::Agreement, model);
        let question = question(advisor, subject, subject.messages.clone());
        let within = time_for(advisor, deadline);
        let asked = asking.ask(&*self.ask, question, within).await;
        let Ok(theirs) = asked else {
            return Some((passed_over(asking), None));
        };
        let name = &model.name;
        let (yes, words) = match form.same(&subject.answer, &theirs) {
            Some(true) => (true, format!("{name} comes to the same")),
            Some(false) => (false, format!("{name} comes to something else")),
            None => {
                let words = format!("{name} gave an answer that cannot be compared: not counted");
                return Some((told(asking, words), None));
            }
        };
        let said = weighed(asking, advisor.odds.chance(yes), words);
        Some((said, (!yes).then_some(theirs)))
    }

    /// What a model says that reads the answer, or both where another one came to something else.
    async fn critique(
        &self,
        advisor: &Advisor,
        subject: &Subject,
        theirs: Option<&str>,
        deadline: Deadline,
    ) -> Option<Said> {
        let author = family(&subject.author);
        let model = another(&advisor.models, &subject.author, |model| {
            family(model.name.as_str()) != author
        })?;
        let within = time_for(advisor, deadline);
        let mut asking = Asking::begin(Kind::Critique, model);
        let mut replies = Vec::new();
        // One after the other: a small server at hand has few places.
        for swapped in [false, true] {
            let text = critique::prompt(&subject.question, &subject.answer, theirs, swapped);
            let messages = vec![text_message(Role::User, &text)];
            let question = question(advisor, subject, messages);
            match asking.ask(&*self.ask, question, within).await {
                Ok(reply) => replies.push(reply),
                Err(_) => return Some(passed_over(asking)),
            }
        }
        let name = &model.name;
        let reading = match replies.as_slice() {
            [straight, swapped] => critique::reading(straight, swapped),
            _ => None,
        };
        let Some(yes) = reading else {
            let words =
                format!("{name} says another thing when its options are swapped: not counted");
            return Some(told(asking, words));
        };
        let words = match (theirs.is_some(), yes) {
            (false, true) => format!("{name} finds it good enough"),
            (false, false) => format!("{name} finds that it falls short"),
            (true, true) => format!("{name} prefers it to another answer"),
            (true, false) => format!("{name} prefers another answer"),
        };
        Some(weighed(asking, advisor.odds.chance(yes), words))
    }
}

/// What somebody who was asked has to say, and what the asking took.
struct Said {
    finding: Weighed,
    opinion: Opinion,
}

fn with(verdict: Verdict, finding: Weighed) -> Verdict {
    let mut findings = verdict.findings;
    findings.push(finding);
    weigh::verdict(findings, verdict.threshold)
}

/// The first model that is fit to speak; any is where nobody knows the author.
fn another<'a>(
    models: &'a [Model],
    author: &str,
    fits: impl Fn(&Model) -> bool,
) -> Option<&'a Model> {
    models.iter().find(|model| author.is_empty() || fits(model))
}

/// The letters that a model's name begins with, as `qwen` of `org/Qwen2.5-7B`: models of one family
/// have the same weaknesses.
fn family(model: &str) -> String {
    let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
    let letters = name.chars().take_while(char::is_ascii_alphabetic);
    letters.collect::<String>().to_ascii_lowercase()
}

fn question(advisor: &Advisor, subject: &Subject, messages: Vec<Message>) -> Question {
    Question {
        messages,
        max_output_tokens: advisor.max_output_tokens,
        request_id: subject.request_id.clone(),
    }
}

/// At most half of what is left: whoever waits for the verdict has to get it.
fn time_for(advisor: &Advisor, deadline: Deadline) -> Deadline {
    Deadline::within(advisor.timeout.min(deadline.remaining() / 2))
}

fn weighed(asking: Asking<'_>, chance: f64, words: String) -> Said {
    let finding = Finding::scored(chance, words);
    Said {
        finding: Weighed::of(asking.kind(), 1.0, finding),
        opinion: asking.end(),
    }
}

fn passed_over(asking: Asking<'_>) -> Said {
    let words = format!("{} did not answer: judged without it", asking.model().name);
    told(asking, words)
}

/// Of no weight: it is told and counts for nothing.
fn told(asking: Asking<'_>, words: String) -> Said {
    Said {
        finding: Weighed::of(asking.kind(), 0.0, Finding::good(words)),
        opinion: asking.end(),
    }
}

#[cfg(test)]
mod tests;
