//! The scripted provider as a client sees it.

use std::time::Duration;

use serde_json::{Value, json};
use terrace_testkit::Provider;
use terrace_testkit::provider::{Fault, Reply, Rule, Script, canned};

use crate::http::{Answer, Call};

const SOON: Duration = Duration::from_secs(5);

async fn chat(provider: &Provider, path: &str, model: &str, stream: bool) -> Answer {
    let body = json!({"model": model, "stream": stream, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "Say hello."}]});
    Call::post(provider, path, &body).await.finish().await
}

async fn openai(provider: &Provider, stream: bool) -> Answer {
    chat(provider, "/v1/chat/completions", "m", stream).await
}

async fn open_stream(provider: &Provider) -> Call {
    let body = json!({"model": "m", "stream": true, "messages": []});
    Call::post(provider, "/v1/chat/completions", &body).await
}

fn hello() -> Script {
    Script::serving(["m"]).otherwise(Reply::pieces(["Hel", "lo."]))
}

#[tokio::test]
async fn the_openai_stream_has_pieces_finish_usage_and_terminator() {
    let provider = Provider::start(hello());
    let answer = openai(&provider, true).await;
    let events: Vec<&str> = answer.events().collect();
    assert_eq!(events.len(), 5);
    assert_eq!(events[4], "[DONE]");
    let usage: Value = serde_json::from_str(events[3]).unwrap();
    assert_eq!(usage["usage"]["completion_tokens"], 2);
    assert_eq!(provider.requests()[0].prompt, "Say hello.");
}

#[tokio::test]
async fn the_ollama_stream_ends_with_done_and_counts() {
    let provider = Provider::start(hello());
    let answer = chat(&provider, "/api/chat", "m", true).await;
    let last = answer.json_lines().last().unwrap();
    assert_eq!(last["done"], true);
    assert_eq!(last["eval_count"], 2);
}

#[tokio::test]
async fn whole_answers_come_on_both_wires() {
    let provider = Provider::start(hello());
    let whole = openai(&provider, false).await.json();
    assert_eq!(whole["choices"][0]["message"]["content"], "Hello.");
    let whole = chat(&provider, "/api/chat", "m", false).await.json();
    assert_eq!(whole["message"]["content"], "Hello.");
}

#[tokio::test]
async fn an_unknown_model_is_refused_as_real_servers_do() {
    let provider = Provider::start(hello());
    let answer = chat(&provider, "/v1/chat/completions", "x", true).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"]["code"], "model_not_found");
    let answer = chat(&provider, "/api/chat", "x", true).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"], "model 'x' not found");
}

#[tokio::test]
async fn the_first_call_can_fail_and_the_second_work() {
    let rule = Rule::replying([Reply::status(503), Reply::text("fine")]);
    let provider = Provider::start(Script::serving(["m"]).rule(rule));
    let statuses = [
        openai(&provider, true).await.status,
        openai(&provider, true).await.status,
        openai(&provider, true).await.status,
    ];
    assert_eq!(statuses, [503, 200, 200]);
}

#[tokio::test]
async fn a_cut_connection_is_no_clean_end_and_a_truncated_answer_is_one() {
    let fault = |fault| Script::serving(["m"]).otherwise(Reply::text("a b c").fault(fault));
    let provider = Provider::start(fault(Fault::Disconnect { after: 1 }));
    let answer = openai(&provider, true).await;
    assert!(!answer.ended_cleanly());
    assert_eq!(
        answer.events().count(),
        1,
        "what came before the cut arrives"
    );
    provider.set_script(fault(Fault::Truncate { after: 1 }));
    let answer = openai(&provider, true).await;
    assert!(answer.ended_cleanly());
    assert_eq!(answer.events().count(), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed() {
    let stall = Reply::text("a b").fault(Fault::Stall { after: 1 });
    let provider = Provider::start(Script::serving(["m"]).otherwise(stall));
    let mut call = open_stream(&provider).await;
    call.read_until("\"a \"").await;
    assert_eq!(provider.open(), 1);
    drop(call);
    assert!(provider.wait_open(0, SOON).await);
    assert!(provider.requests()[0].hung_up);
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_answer_begins_is_noticed() {
    let slow = Reply::text("a").timing(Duration::from_secs(3600), Duration::ZERO);
    let provider = Provider::start(Script::serving(["m"]).otherwise(slow));
    let call = open_stream(&provider).await;
    assert!(provider.wait_open(1, SOON).await);
    drop(call);
    assert!(provider.wait_open(0, SOON).await);
    assert!(provider.requests()[0].hung_up);
}

#[tokio::test]
async fn a_client_that_reads_to_the_end_has_not_hung_up() {
    let provider = Provider::start(hello());
    assert!(openai(&provider, true).await.ended_cleanly());
    assert!(provider.wait_open(0, SOON).await);
    assert!(!provider.requests()[0].hung_up);
}

#[tokio::test]
async fn a_killed_provider_breaks_open_streams_and_refuses_new_calls() {
    let stall = Reply::text("a b").fault(Fault::Stall { after: 1 });
    let mut provider = Provider::start(Script::serving(["m"]).otherwise(stall));
    let mut call = open_stream(&provider).await;
    call.read_until("\"a \"").await;
    provider.kill();
    let rest = tokio::time::timeout(SOON, call.finish()).await.unwrap();
    assert!(!rest.ended_cleanly());
    let addr = provider.url().replace("http://", "");
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    assert!(!provider.requests()[0].hung_up);
}

#[tokio::test]
async fn a_key_is_demanded_when_the_script_has_one() {
    let provider = Provider::start(hello().api_key("sk-test"));
    assert_eq!(openai(&provider, true).await.status, 401);
    let head = "GET /v1/models HTTP/1.1\r\nauthorization: Bearer sk-test";
    let answer = Call::open(&provider, head, "").await.finish().await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn every_canned_answer_names_itself_scripted() {
    let provider = Provider::start(canned::demo(vec!["m".into()], canned::LABEL));
    let prompts = [
        "Classify this",
        "Write a Python function",
        "Plan the work",
        "Hi",
    ];
    let mut answers = std::collections::BTreeSet::new();
    for prompt in prompts {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": prompt}]});
        let call = Call::post(&provider, "/v1/chat/completions", &body).await;
        let whole = call.finish().await.json();
        let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(text.starts_with("[scripted provider] "), "{text}");
        answers.insert(text.to_owned());
    }
    assert_eq!(
        answers.len(),
        prompts.len(),
        "each kind of prompt has its own answer"
    );
}
