//! Alerts: once a period and kind, watched as they come, sent to a webhook until they arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use http_body_util::BodyExt as _;
use secrecy::SecretString;
use terrace_config::{AlertWebhook, Secret};
use terrace_domain::RequestId;
use terrace_proto::ledger::v1::{self as wire, AlertKind};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::sandbox::{DAILY, Sandbox, answer, budget, hold, settling, spent};

/// A receiver that refuses the first messages and hands on all of them.
struct Receiver {
    url: String,
    messages: mpsc::UnboundedReceiver<Message>,
}

struct Message {
    headers: http::HeaderMap,
    body: String,
}

impl Receiver {
    async fn refusing_first(refusals: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?token=hush", listener.local_addr().unwrap());
        let (sender, messages) = mpsc::unbounded_channel();
        let seen = Arc::new(AtomicUsize::new(0));
        let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
            let (sender, seen) = (sender.clone(), Arc::clone(&seen));
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let message = Message {
                    headers: parts.headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                sender.send(message).unwrap();
                match seen.fetch_add(1, Ordering::SeqCst) < refusals {
                    true => axum::http::StatusCode::SERVICE_UNAVAILABLE,
                    false => axum::http::StatusCode::NO_CONTENT,
                }
            }
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "a server of this test, dropped with it"
        )]
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, messages }
    }

    async fn next(&mut self) -> Message {
        let message = tokio::time::timeout(Duration::from_secs(30), self.messages.recv());
        message.await.unwrap().unwrap()
    }

    /// A config that sends here.
    fn config(&self) -> AlertWebhook {
        AlertWebhook {
            url: Secret::Value(SecretString::from(self.url.clone())),
            secret: Secret::Value(SecretString::from("hush")),
            ..AlertWebhook::default()
        }
    }
}

/// Spends so much at once.
async fn spend(ledger: &Sandbox, amount: i64) {
    let id = RequestId::generate();
    ledger
        .settle(settling(id, [spent("attempt/0", amount)]))
        .await
        .unwrap();
}

async fn watch(
    ledger: &Sandbox,
    ask: wire::WatchAlertsRequest,
) -> tonic::Streaming<wire::WatchAlertsResponse> {
    answer(ledger.ledger.clone().watch_alerts(ask).await).unwrap()
}

#[tokio::test]
async fn a_watcher_sees_each_alert_once_as_it_is_given() {
    let ledger = Sandbox::with_budgets(&[(DAILY, 100), ("project/other/daily", 5)]).await;
    spend(&ledger, 1).await;
    let mut alerts = watch(&ledger, wire::WatchAlertsRequest::default()).await;
    spend(&ledger, 79).await;
    let nearly = alerts.message().await.unwrap().unwrap();
    assert_eq!(nearly.kind(), AlertKind::Threshold);
    let standing = nearly.budget.unwrap();
    assert_eq!(
        (standing.name.as_str(), standing.spent_nano_usd),
        (DAILY, 80)
    );
    spend(&ledger, 5).await;
    for _ in 0..2 {
        let ask = hold(RequestId::generate(), "attempt/0", 50);
        ledger.reserve(ask).await.unwrap_err();
    }
    let refused = alerts.message().await.unwrap().unwrap();
    assert_eq!(refused.kind(), AlertKind::Refused);
    assert_eq!(refused.budget.unwrap().spent_nano_usd, 85);
    assert_eq!(ledger.database.number("SELECT count(*) FROM alerts"), 2);
}

#[tokio::test]
async fn a_watcher_may_ask_for_the_past_and_for_one_project() {
    let ledger = Sandbox::with_budgets(&[(DAILY, 1_000), ("project/default/daily", 10)]).await;
    spend(&ledger, 9).await;
    spend(&ledger, 900).await;
    let since = |project: &str| wire::WatchAlertsRequest {
        project: project.to_owned(),
        since: Some(prost_types::Timestamp::default()),
    };
    let mut all = watch(&ledger, since("")).await;
    let mut names = Vec::new();
    for _ in 0..2 {
        names.push(all.message().await.unwrap().unwrap().budget.unwrap().name);
    }
    assert_eq!(names, ["project/default/daily", DAILY]);
    let mut others = watch(&ledger, since("other")).await;
    let first = others.message().await.unwrap().unwrap();
    assert_eq!(
        first.budget.unwrap().name,
        DAILY,
        "not that of another project"
    );
}

#[tokio::test]
async fn a_new_day_and_a_raised_cap_may_alert_again() {
    let ledger = Sandbox::with_budget(100).await;
    let alerts = "SELECT count(*) FROM alerts WHERE kind = 'threshold'";
    spend(&ledger, 90).await;
    ledger.pass_midnight();
    spend(&ledger, 90).await;
    assert_eq!(ledger.database.number(alerts), 2);
    let ledger = Sandbox::on(ledger.database, |settings| {
        settings.budgets = vec![budget(DAILY, 200)];
    })
    .await;
    spend(&ledger, 10).await;
    assert_eq!(ledger.database.number(alerts), 2);
    spend(&ledger, 60).await;
    assert_eq!(ledger.database.number(alerts), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_ledgers_give_an_alert_once() {
    let ledger = Sandbox::with_budget(1_000).await;
    let other = ledger.another_client(1_000).await;
    let spending = (0..60).map(|index| {
        let mut client = match index % 2 {
            0 => ledger.ledger.clone(),
            _ => other.clone(),
        };
        let ask = settling(RequestId::generate(), [spent("attempt/0", 15)]);
        async move { client.settle(ask).await.unwrap() }
    });
    join_all(spending).await;
    assert_eq!(ledger.database.number("SELECT count(*) FROM alerts"), 1);
}

#[tokio::test]
async fn the_webhook_gets_a_signed_message_again_until_it_takes_it() {
    let mut receiver = Receiver::refusing_first(1).await;
    let ledger = Sandbox::start(|settings| {
        settings.budgets = vec![budget(DAILY, 100)];
        settings.alert_webhook = receiver.config();
    })
    .await;
    for _ in 0..3 {
        ledger.app.start_background(&ledger.tasks);
    }
    spend(&ledger, 80).await;
    let (refused, taken) = (receiver.next().await, receiver.next().await);
    assert_eq!(refused.body, taken.body);
    let body: serde_json::Value = serde_json::from_str(&taken.body).unwrap();
    assert_eq!(body["kind"], "threshold");
    assert_eq!(body["budget"]["spent_nano_usd"], 80);
    assert_eq!(
        taken.headers["terrace-alert-id"],
        body["alert_id"].as_str().unwrap()
    );
    let signature = taken.headers["terrace-signature"].to_str().unwrap();
    let (second, digest) = signature
        .strip_prefix("t=")
        .unwrap()
        .split_once(",v1=")
        .unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"hush");
    let expected = ring::hmac::sign(&key, format!("{second}.{}", taken.body).as_bytes());
    let expected: String = expected
        .as_ref()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(digest, expected);

    let delivered = "SELECT count(*) FROM alerts WHERE delivered_at IS NOT NULL AND attempts = 2";
    let written = async {
        while ledger.database.number(delivered) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written)
        .await
        .unwrap();
    assert!(
        receiver.messages.try_recv().is_err(),
        "nobody sends it again"
    );
}

#[tokio::test]
async fn a_webhook_whose_secret_is_missing_keeps_the_ledger_from_starting() {
    let database = terrace_testkit::TestDatabase::create();
    let mut settings = terrace_cost_ledger::Settings::for_testing(database.url());
    settings.alert_webhook.url = Secret::Missing {
        source: "the variable HOOK".to_owned(),
    };
    let tasks = terrace_runtime::Tasks::new(terrace_runtime::Shutdown::new());
    let error = terrace_cost_ledger::build(settings, &tasks)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the variable HOOK"), "{error}");
}
