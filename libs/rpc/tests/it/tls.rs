//! Who gets through TLS, who does not and is told what, and that certificates change under load.

use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::join_all;
use terrace_config::{ClientCertificate, TlsFiles};
use terrace_domain::Reason;
use terrace_rpc::tls::{Client, File, Security};
use terrace_rpc::{Limits, Link, Network, ServerSettings, server, status};
use terrace_testkit::certificates::{Authority, Folder};
use tonic::Code;

use crate::probe::{self, Running, say_text};

/// Short, so that a change is seen while a test runs.
const RELOAD: Duration = Duration::from_millis(50);

fn files(folder: &Folder) -> TlsFiles {
    let [ca, cert, key] = folder.files();
    TlsFiles { ca, cert, key }
}

fn secured(folder: &Folder) -> ServerSettings {
    ServerSettings {
        security: Security {
            files: Some(files(folder)),
            reload_interval: RELOAD,
            ..Security::default()
        },
        ..ServerSettings::for_testing()
    }
}

async fn serve(authority: &Authority) -> (Running, Folder) {
    let folder = Folder::signed(authority, &["127.0.0.1"]);
    (probe::serve(&secured(&folder)).await, folder)
}

/// A link of a caller with the files of `folder`; without its own certificate where `anonymous`.
fn link(server: &Running, folder: &Folder, anonymous: bool) -> Link {
    let TlsFiles { ca, cert, key } = files(folder);
    let identity = (!anonymous).then(|| {
        let cert = File::new("tls.cert_file", cert);
        (cert, File::new("tls.key_file", key))
    });
    let ca = File::new("tls.ca_file", ca);
    let client = Client::open(Some(ca), identity, RELOAD).unwrap();
    let network = Network::default().with_tls(client);
    let url = format!("https://{}", server.address);
    network.link("probe", &url).unwrap()
}

/// Says that the caller did not get as far as being answered, and what it is told.
async fn is_shut_out(link: &Link) -> String {
    let failed = say_text(link, "echo x").await.unwrap_err();
    let failure = status::to_failure(&failed);
    assert_eq!(failure.reason, Reason::ServiceUnavailable, "{failure:?}");
    failure.message
}

/// The same, and that the own certificate is named: who is turned away after hands were shaken may
/// hear of it or find the connection broken.
async fn is_turned_away(link: &Link) {
    let told = is_shut_out(link).await;
    assert!(told.contains("tls.cert_file"), "{told}");
}

/// The same, and that this is said.
async fn is_told(link: &Link, why: &str) {
    let told = is_shut_out(link).await;
    assert!(
        told.starts_with("no TLS with the probe at https://"),
        "{told}"
    );
    assert!(told.contains(why), "{told}");
}

#[tokio::test]
async fn who_shows_a_certificate_of_the_authority_gets_through() {
    let authority = Authority::new();
    let (server, _files) = serve(&authority).await;
    let caller = Folder::signed(&authority, &["terrace-orchestrator"]);
    let link = link(&server, &caller, false);
    assert_eq!(say_text(&link, "echo hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn who_shows_none_is_shut_out_unless_none_is_needed() {
    let authority = Authority::new();
    let (server, files) = serve(&authority).await;
    let caller = Folder::signed(&authority, &["whoever"]);
    is_turned_away(&link(&server, &caller, true)).await;

    let mut open = secured(&files);
    open.security.client_certificate = ClientCertificate::Optional;
    let server = probe::serve(&open).await;
    let anonymous = link(&server, &caller, true);
    assert_eq!(say_text(&anonymous, "echo hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn neither_side_trusts_another_authority() {
    let (own, other) = (Authority::new(), Authority::new());
    let (server, _files) = serve(&own).await;
    let stranger = Folder::empty();
    stranger.write(&own, other.signed(&["terrace-orchestrator"]));
    is_turned_away(&link(&server, &stranger, false)).await;
    let suspicious = Folder::empty();
    suspicious.write(&other, own.signed(&["terrace-orchestrator"]));
    is_told(
        &link(&server, &suspicious, false),
        "than those in the file of tls.ca_file",
    )
    .await;
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_opens_nothing() {
    let authority = Authority::new();
    let (server, _files) = serve(&authority).await;
    let late = Folder::empty();
    late.write(&authority, authority.expired(&["terrace-orchestrator"]));
    is_turned_away(&link(&server, &late, false)).await;
    let old = Folder::empty();
    old.write(&authority, authority.expired(&["127.0.0.1"]));
    let server = probe::serve(&secured(&old)).await;
    let caller = Folder::signed(&authority, &["terrace-orchestrator"]);
    is_told(&link(&server, &caller, false), "its certificate is over").await;
}

#[tokio::test]
async fn a_callee_by_another_name_is_not_called() {
    let authority = Authority::new();
    let folder = Folder::signed(&authority, &["terrace-judge"]);
    let server = probe::serve(&secured(&folder)).await;
    let caller = Folder::signed(&authority, &["terrace-orchestrator"]);
    is_told(&link(&server, &caller, false), "for another name").await;
}

#[tokio::test]
async fn a_caller_that_is_not_listed_is_refused_and_told_so() {
    let authority = Authority::new();
    let folder = Folder::signed(&authority, &["127.0.0.1"]);
    let mut settings = secured(&folder);
    settings.security.allowed_callers = Some(vec!["terrace-orchestrator".to_owned()]);
    let server = probe::serve(&settings).await;
    let listed = Folder::signed(&authority, &["terrace-orchestrator"]);
    let link_of = |folder: &Folder| link(&server, folder, false);
    assert_eq!(say_text(&link_of(&listed), "echo a").await.unwrap(), "a");
    let edge = Folder::signed(&authority, &["terrace-edge"]);
    let refused = say_text(&link_of(&edge), "echo a").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let failure = status::to_failure(&refused);
    assert_eq!(failure.reason, Reason::PermissionDenied);
    assert!(
        failure.message.contains("tls.allowed_callers"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_caller_in_plain_text_is_shut_out() {
    let authority = Authority::new();
    let (server, _files) = serve(&authority).await;
    is_shut_out(&server.link()).await;
}

#[tokio::test]
async fn a_callee_in_plain_text_is_told_to_be_one() {
    let server = probe::serve(&ServerSettings::for_testing()).await;
    let caller = Folder::signed(&Authority::new(), &["terrace-orchestrator"]);
    is_told(&link(&server, &caller, false), "does not speak TLS").await;
}

#[tokio::test]
async fn certificates_are_replaced_under_load_and_no_call_fails() {
    let (old, new) = (Authority::new(), Authority::new());
    let folder = Folder::signed(&old, &["127.0.0.1"]);
    let settings = ServerSettings {
        limits: Limits {
            max_connection_age: Duration::from_millis(50),
            ..Limits::default()
        },
        ..secured(&folder)
    };
    let server = probe::serve(&settings).await;
    let caller = Folder::signed(&old, &["terrace-orchestrator"]);
    let link = link(&server, &caller, false);
    let failures = Mutex::new(Vec::new());
    let call = async |_| loop {
        if let Err(status) = say_text(&link, "wait 2").await {
            failures.lock().unwrap().push(status.to_string());
        }
    };
    let scenario = async {
        for round in 0..3 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            // The same authority signs anew, a new certificate and a new key.
            folder.write(&old, old.signed(&["127.0.0.1"]));
            caller.write(
                &old,
                old.signed(&["terrace-orchestrator", &format!("round-{round}")]),
            );
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    tokio::select! {
        _ = join_all((0..8).map(call)) => {}
        () = scenario => {}
    }
    assert_eq!(*failures.lock().unwrap(), Vec::<String>::new());
    // And the new files are really in use: nobody of the old authority gets in any more.
    folder.write(&new, new.signed(&["127.0.0.1"]));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let moved = Folder::signed(&new, &["terrace-orchestrator"]);
    let moved = self::link(&server, &moved, false);
    let come = async {
        while say_text(&moved, "echo x").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    probe::soon(come).await;
}

#[tokio::test]
async fn plain_text_stays_on_loopback_unless_the_config_says_otherwise() {
    let mut settings = ServerSettings {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..ServerSettings::for_testing()
    };
    let refused = server::bind(&settings).await.unwrap_err().to_string();
    assert!(
        refused.contains("refusing to listen on 0.0.0.0:0"),
        "{refused}"
    );
    assert!(refused.contains("tls.cert_file") && refused.contains("tls.allow_plaintext"));
    settings.security.allow_plaintext = true;
    assert!(server::bind(&settings).await.is_ok());
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_with_their_key_and_never_shown() {
    let authority = Authority::new();
    let wrong = |name: &str, text: &str| {
        let folder = Folder::signed(&authority, &["127.0.0.1"]);
        fs::write(folder.at(name), text).unwrap();
        folder
    };
    let (_, other_key) = authority.signed(&["127.0.0.1"]);
    let secret = "MIIB-this-is-secret";
    let broken = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n");
    for (name, text, said) in [
        ("ca.crt", "", "tls.ca_file: "),
        ("tls.crt", "no PEM at all", "holds no certificate"),
        ("tls.key", &broken, "tls.key_file: "),
        ("tls.key", &other_key, "holds another key than that of"),
    ] {
        let folder = wrong(name, text);
        let error = server::bind(&secured(&folder))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(said) && error.starts_with("tls."), "{error}");
        assert!(!error.contains(secret), "{error}");
    }
    let folder = wrong("tls.key", "");
    fs::remove_file(folder.at("tls.crt")).unwrap();
    let error = server::bind(&secured(&folder)).await.unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[tokio::test]
async fn https_without_anybody_to_trust_is_refused_by_the_link() {
    let error = Link::network("judge", "https://judge:1").unwrap_err();
    assert!(error.to_string().contains("tls.ca_file"), "{error}");
}
