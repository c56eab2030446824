//! Who is asked when, and what a word is worth.

use std::sync::Mutex;

use terrace_domain::{NanoUsd, Reason, Score};

use super::*;

const QUESTION: &str = "Tom has 12 apples and eats 5. How many are left?";

/// What each reply takes.
const USED: Usage = Usage {
    input_tokens: 20,
    output_tokens: 3,
    cached_input_tokens: 0,
    cache_write_tokens: 0,
    reasoning_tokens: 0,
    estimated: false,
};

/// Says what stands beside a model's name, and notes what it was asked.
#[derive(Debug)]
struct Scripted {
    says: Vec<(&'static str, Vec<&'static str>)>,
    asked: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Ask for Scripted {
    async fn ask(&self, model: &Model, question: Question, _: Deadline) -> Result<Reply, Failure> {
        let name = model.name.as_str();
        let mut asked = self.asked.lock().unwrap();
        let before = asked.iter().filter(|(other, _)| other == name).count();
        let text = terrace_proto::convert::text_of_parts(&question.messages[0]);
        asked.push((name.to_owned(), text));
        let says = self.says.iter().find(|(other, _)| *other == name);
        let reply = says.and_then(|(_, replies)| replies.get(before));
        let gone = || Failure::new(Reason::BackendUnreachable, "gone");
        let said = |text: &&str| Reply {
            text: (*text).to_owned(),
            usage: USED,
        };
        reply.map(said).ok_or_else(gone)
    }
}

fn model(name: &str) -> Model {
    Model {
        name: name.parse().unwrap(),
        backend: "local".parse().unwrap(),
        tier: "local_quality".parse().unwrap(),
        price: Price::FREE,
    }
}

fn advisor(names: &[&str]) -> Option<Advisor> {
    Some(Advisor {
        models: names.iter().map(|name| model(name)).collect(),
        timeout: Duration::from_secs(5),
        max_output_tokens: 9,
        odds: Odds {
            when_right: 0.9,
            when_wrong: 0.1,
        },
    })
}

fn settings() -> Settings {
    Settings {
        grey_zone: [0.3, 0.9],
        agreement: advisor(&["llama3", "qwen2"]),
        critique: advisor(&["llama3", "qwen2"]),
    }
}

/// An answer of `llama3` that scored so.
async fn judged(
    settings: Settings,
    score: f64,
    says: &[(&'static str, &[&'static str])],
) -> (Verdict, Vec<(String, String)>) {
    let (verdict, _, asked) = judged_by(settings, score, says).await;
    (verdict, asked)
}

/// The same, with what asking took.
async fn judged_by(
    settings: Settings,
    score: f64,
    says: &[(&'static str, &[&'static str])],
) -> (Verdict, Vec<Opinion>, Vec<(String, String)>) {
    let says = says.iter().map(|(name, replies)| (*name, replies.to_vec()));
    let script = Arc::new(Scripted {
        says: says.collect(),
        asked: Mutex::default(),
    });
    let seconds = Seconds::new(settings, Arc::clone(&script) as Arc<dyn Ask>).unwrap();
    let subject = Subject {
        messages: vec![text_message(Role::User, QUESTION)],
        question: QUESTION.to_owned(),
        answer: "12 - 5 = 7".to_owned(),
        author: "llama3".to_owned(),
        request_id: String::new(),
    };
    let finding = Weighed::of(Kind::Arithmetic, 1.0, Finding::scored(score, ""));
    let verdict = weigh::verdict(vec![finding], Score::clamped(0.7));
    let deadline = Deadline::within(Duration::from_secs(20));
    let (verdict, opinions) = seconds.joined(verdict, &subject, deadline).await;
    let asked = script.asked.lock().unwrap().clone();
    (verdict, opinions, asked)
}

#[tokio::test]
async fn nobody_is_asked_outside_of_the_grey_zone() {
    for score in [0.1, 0.95] {
        let (verdict, asked) = judged(settings(), score, &[]).await;
        assert!(asked.is_empty() && verdict.findings.len() == 1);
    }
}

#[tokio::test]
async fn agreement_with_another_model_than_the_author_raises_the_score_and_ends_the_asking() {
    let (verdict, asked) = judged(settings(), 0.6, &[("qwen2", &["It is 7."])]).await;
    assert!(verdict.passed && verdict.score.get() > 0.9, "{verdict:?}");
    assert_eq!(asked, [("qwen2".to_owned(), QUESTION.to_owned())]);
}

#[tokio::test]
async fn where_they_differ_a_critic_compares_both_in_both_orders() {
    let odds = Odds {
        when_right: 0.6,
        when_wrong: 0.4,
    };
    let mut settings = settings();
    settings.agreement.as_mut().unwrap().odds = odds;
    let says: &[(&str, &[&str])] = &[("qwen2", &["It is 8.", "A", "B"])];
    let (verdict, asked) = judged(settings, 0.6, says).await;
    assert_eq!(asked.len(), 3);
    assert!(asked[1].1.contains("<answer_A>\n12 - 5 = 7"), "{asked:?}");
    assert!(asked[2].1.contains("<answer_B>\n12 - 5 = 7"), "{asked:?}");
    assert!(verdict.score.get() > 0.8, "{verdict:?}");
}

#[tokio::test]
async fn a_critic_that_says_what_its_place_says_counts_for_nothing() {
    let settings = Settings {
        agreement: None,
        ..settings()
    };
    let (verdict, _) = judged(settings, 0.6, &[("qwen2", &["A", "A"])]).await;
    assert!((verdict.score.get() - 0.6).abs() < 1e-9);
    assert!(verdict.findings[1].weight.abs() < 1e-9);
}

#[tokio::test]
async fn one_that_does_not_answer_is_told_and_counts_for_nothing() {
    let (verdict, asked) = judged(settings(), 0.6, &[]).await;
    assert!((verdict.score.get() - 0.6).abs() < 1e-9);
    assert!(asked.len() >= 2);
    let words = &verdict.findings[1].finding.words;
    assert!(words.contains("did not answer"), "{words}");
}

#[tokio::test]
async fn whoever_is_asked_is_one_opinion_a_check_with_all_that_it_used() {
    let settings = {
        let mut settings = settings();
        settings.agreement.as_mut().unwrap().odds = Odds {
            when_right: 0.6,
            when_wrong: 0.4,
        };
        settings
    };
    let says: &[(&str, &[&str])] = &[("qwen2", &["It is 8.", "A", "B"])];
    let (_, opinions, _) = judged_by(settings, 0.6, says).await;
    let told: Vec<_> = opinions
        .iter()
        .map(|own| (own.kind, own.usage.input_tokens, own.reason))
        .collect();
    assert_eq!(
        told,
        [(Kind::Agreement, 20, None), (Kind::Critique, 40, None)]
    );
    let critic = &opinions[1];
    assert_eq!(critic.model, model("qwen2"));
    assert_eq!(
        (critic.usage.output_tokens, critic.cost),
        (6, NanoUsd::ZERO)
    );
}

#[tokio::test]
async fn of_one_that_fails_halfway_is_told_what_is_known_and_why() {
    let settings = Settings {
        agreement: None,
        ..settings()
    };
    let (_, opinions, _) = judged_by(settings.clone(), 0.6, &[("qwen2", &["A"])]).await;
    assert_eq!(opinions[0].reason, Some(Reason::BackendUnreachable));
    assert_eq!(opinions[0].usage.input_tokens, 20);
    assert!(opinions[0].usage.estimated);
    let (_, nobody, _) = judged_by(settings, 0.95, &[]).await;
    assert_eq!(nobody, []);
}

#[test]
fn models_of_one_family_are_known_by_their_names() {
    assert_eq!(family("org/Qwen2.5-7B"), family("qwen3:4b"));
    assert_ne!(family("llama3.2"), family("mistral-nemo"));
}

#[test]
fn a_word_that_is_no_better_than_chance_says_nothing() {
    let odds = Odds {
        when_right: 0.5,
        when_wrong: 0.5,
    };
    assert!((odds.chance(true) - 0.5).abs() < 1e-9 && (odds.chance(false) - 0.5).abs() < 1e-9);
}
