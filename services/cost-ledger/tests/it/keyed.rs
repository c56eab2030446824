//! Projects and keys: a secret is shown once, works until it ends, and is stored nowhere.

use std::time::{Duration, SystemTime};

use terrace_config::Secret;
use terrace_domain::{Failure, Reason};
use terrace_proto::convert::{wire_duration, wire_timestamp};
use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::account_service_client::AccountServiceClient;
use terrace_rpc::Link;
use terrace_rpc::server::ServerSettings;

use crate::sandbox::{Sandbox, answer};

type Accounts = AccountServiceClient<Link>;

const ROOT: &str = "the operator's own key";

async fn start() -> (Sandbox, Accounts) {
    let ledger = Sandbox::start(|settings| {
        settings.auth.pepper = Secret::Value("a pepper for tests alone".into());
        settings.auth.root_key = Secret::Value(ROOT.into());
    })
    .await;
    let stack = ledger.app.stack(&ServerSettings::for_testing()).unwrap();
    let accounts = AccountServiceClient::new(Link::in_process("cost-ledger", stack));
    (ledger, accounts)
}

async fn create(accounts: &Accounts, ask: wire::CreateKeyRequest) -> (wire::Key, String) {
    let made = answer(accounts.clone().create_key(ask).await).unwrap();
    (made.key.unwrap(), made.secret)
}

fn named(name: &str) -> wire::CreateKeyRequest {
    wire::CreateKeyRequest {
        project: "default".to_owned(),
        name: name.to_owned(),
        ..wire::CreateKeyRequest::default()
    }
}

async fn authenticate(accounts: &Accounts, secret: &str) -> Result<wire::Key, Failure> {
    let ask = wire::AuthenticateRequest {
        secret: secret.to_owned(),
    };
    let found = answer(accounts.clone().authenticate(ask).await)?;
    Ok(found.key.unwrap())
}

async fn reason(accounts: &Accounts, secret: &str) -> Reason {
    authenticate(accounts, secret).await.unwrap_err().reason
}

#[tokio::test]
async fn a_new_key_is_found_by_its_secret_which_no_row_has() {
    let (ledger, accounts) = start().await;
    let ask = wire::CreateKeyRequest {
        scopes: vec!["manage".into(), "route".into(), "route".into()],
        requests_per_minute: 60,
        ..named("ci")
    };
    let (key, secret) = create(&accounts, ask).await;
    assert_eq!(key.scopes, ["route", "manage"]);
    assert_eq!((key.name.as_str(), key.requests_per_minute), ("ci", 60));
    assert!(secret.starts_with("tk_") && key.hint.ends_with(&secret[secret.len() - 4..]));
    assert_eq!(authenticate(&accounts, &secret).await, Ok(key.clone()));
    assert_eq!(
        reason(&accounts, "tk_guessed").await,
        Reason::Unauthenticated
    );

    let dump = ledger.database.query("SELECT * FROM api_keys");
    assert!(!format!("{dump:?}").contains(&secret[7..40]), "{dump:?}");
    let list = answer(
        accounts
            .clone()
            .list_keys(wire::ListKeysRequest::default())
            .await,
    );
    assert_eq!(list.unwrap().keys, [key]);
}

#[tokio::test]
async fn a_rotated_key_keeps_its_old_secret_for_the_overlap_alone() {
    let (ledger, accounts) = start().await;
    let (key, first) = create(&accounts, named("ci")).await;
    let rotate = async |overlap: Option<Duration>| {
        let ask = wire::RotateKeyRequest {
            key_id: key.key_id.clone(),
            overlap: overlap.map(wire_duration),
        };
        answer(accounts.clone().rotate_key(ask).await)
            .unwrap()
            .secret
    };
    let second = rotate(Some(Duration::from_secs(3600))).await;
    for secret in [&first, &second] {
        let found = authenticate(&accounts, secret).await.unwrap();
        assert_eq!(found.key_id, key.key_id);
        assert!(found.old_secret_until.is_some());
    }
    ledger.execute("UPDATE api_keys SET old_until = now() - interval '1 second'");
    assert_eq!(reason(&accounts, &first).await, Reason::Unauthenticated);

    let third = rotate(None).await;
    assert_eq!(reason(&accounts, &second).await, Reason::Unauthenticated);
    assert!(authenticate(&accounts, &third).await.is_ok());
}

#[tokio::test]
async fn a_revoked_and_an_expired_key_are_refused_and_say_why() {
    let (ledger, accounts) = start().await;
    let (revoked, secret) = create(&accounts, named("revoked")).await;
    let revoke = wire::RevokeKeyRequest {
        key_id: revoked.key_id.clone(),
    };
    let first = answer(accounts.clone().revoke_key(revoke.clone()).await).unwrap();
    let again = answer(accounts.clone().revoke_key(revoke).await).unwrap();
    assert_eq!(first, again);
    let refused = authenticate(&accounts, &secret).await.unwrap_err();
    assert!(refused.message.contains("was revoked"), "{refused}");
    let rotate = wire::RotateKeyRequest {
        key_id: revoked.key_id,
        overlap: None,
    };
    let refused = answer(accounts.clone().rotate_key(rotate).await).unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidRequest);

    let soon = SystemTime::now() + Duration::from_secs(3600);
    let ask = wire::CreateKeyRequest {
        expires_at: Some(wire_timestamp(soon)),
        ..named("short")
    };
    let (_, secret) = create(&accounts, ask).await;
    assert!(authenticate(&accounts, &secret).await.is_ok());
    ledger.execute("UPDATE api_keys SET expires_at = now() WHERE name = 'short'");
    let refused = authenticate(&accounts, &secret).await.unwrap_err();
    assert!(refused.message.contains("has expired"), "{refused}");
}

#[tokio::test]
async fn the_operators_own_key_needs_no_row() {
    let (_ledger, accounts) = start().await;
    let root = authenticate(&accounts, ROOT).await.unwrap();
    assert_eq!(root.scopes, ["route", "manage"]);
    assert_eq!(root.project, "default");
}

#[tokio::test]
async fn projects_are_made_once_and_listed_in_pages() {
    let (_ledger, accounts) = start().await;
    for name in ["search", "apps", "search"] {
        let ask = wire::CreateProjectRequest {
            name: name.to_owned(),
        };
        answer(accounts.clone().create_project(ask).await).unwrap();
    }
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let ask = wire::ListProjectsRequest {
            page_size: 2,
            page_token: token,
        };
        let page = answer(accounts.clone().list_projects(ask).await).unwrap();
        names.extend(page.projects.into_iter().map(|project| project.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["apps", "default", "search"]);
}

#[tokio::test]
async fn wrong_keys_are_refused_with_every_reason() {
    let (_ledger, accounts) = start().await;
    let ask = wire::CreateKeyRequest {
        project: String::new(),
        name: "a\nb".to_owned(),
        scopes: vec!["fly".to_owned()],
        expires_at: Some(prost_types::Timestamp {
            seconds: -1,
            nanos: 0,
        }),
        requests_per_minute: 0,
    };
    let refused = answer(accounts.clone().create_key(ask).await).unwrap_err();
    let fields: Vec<&str> = refused.fields.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(fields, ["project", "name", "scopes[0]", "expires_at"]);

    let nowhere = wire::CreateKeyRequest {
        project: "nowhere".to_owned(),
        ..named("x")
    };
    let refused = answer(accounts.clone().create_key(nowhere).await).unwrap_err();
    assert_eq!(refused.reason, Reason::NotFound);
    let past = wire::CreateKeyRequest {
        expires_at: Some(wire_timestamp(SystemTime::now() - Duration::from_secs(5))),
        ..named("x")
    };
    let refused = answer(accounts.clone().create_key(past).await).unwrap_err();
    assert_eq!(refused.fields[0].field, "expires_at");
    let ghost = wire::RevokeKeyRequest {
        key_id: "01930000-0000-7000-8000-000000000000".to_owned(),
    };
    let refused = answer(accounts.clone().revoke_key(ghost).await).unwrap_err();
    assert_eq!(refused.reason, Reason::NotFound);
}

#[tokio::test]
async fn without_a_pepper_there_are_no_keys_and_it_says_how_to_have_them() {
    let ledger = Sandbox::free().await;
    let stack = ledger.app.stack(&ServerSettings::for_testing()).unwrap();
    let accounts = AccountServiceClient::new(Link::in_process("cost-ledger", stack));
    let refused = answer(accounts.clone().create_key(named("x")).await).unwrap_err();
    assert!(refused.message.contains("auth.pepper_file"), "{refused}");
}
