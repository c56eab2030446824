//! HTTPS: what the edge shows, who gets in, and that a new certificate is used as it comes.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use terrace_edge::{Settings, listen};
use terrace_testkit::certificates::{Authority, Folder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fake::{Answer, answer};
use crate::http::{Reply, exchange, parse, request};
use crate::world::{World, question};

const PATH: &str = "/v1/chat/completions";
const JSON: (&str, &str) = ("content-type", "application/json");

/// The sections of an edge that shows the certificate of this folder.
fn secured(folder: &Folder, more: &str) -> String {
    let [_, cert, key] = folder.files();
    let (cert, key) = (cert.display(), key.display());
    format!(
        "tls: {{reload_interval: 100ms}}\nedge: {{cert_file: '{cert}', key_file: '{key}'}}\n{more}"
    )
}

/// A client that trusts the authority of this folder.
fn connector(folder: &Folder, protocol: &[u8]) -> TlsConnector {
    let pem = fs::read(folder.at("ca.crt")).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&pem).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn connect(
    address: SocketAddr,
    trusting: &Folder,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let plain = TcpStream::connect(address).await?;
    let name = ServerName::from(address.ip());
    connector(trusting, protocol).connect(name, plain).await
}

/// The certificate that a new connection is shown.
async fn shown(address: SocketAddr, trusting: &Folder) -> Vec<u8> {
    let stream = connect(address, trusting, b"http/1.1").await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

async fn ask(address: SocketAddr, trusting: &Folder, headers: &[(&str, &str)]) -> Reply {
    let headers = [headers, &[JSON]].concat();
    let body = question(json!({})).to_string();
    let bytes = request("POST", PATH, &headers, body.as_bytes());
    let mut stream = connect(address, trusting, b"http/1.1").await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer).await;
    parse(&answer)
}

#[tokio::test]
async fn a_request_over_https_is_answered() {
    let folder = Folder::signed(&Authority::new(), &["127.0.0.1"]);
    let world = World::with(
        &secured(&folder, ""),
        vec![Answer::Says(Box::new(answer("Paris.")))],
    )
    .await;
    let reply = ask(world.address, &folder, &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let said = reply.json()["choices"][0]["message"]["content"].clone();
    assert_eq!(said, "Paris.");
}

#[tokio::test]
async fn http_1_and_http_2_are_spoken_inside() {
    let folder = Folder::signed(&Authority::new(), &["127.0.0.1"]);
    let world = World::with(&secured(&folder, ""), Vec::new()).await;
    for protocol in [&b"http/1.1"[..], b"h2"] {
        let stream = connect(world.address, &folder, protocol).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    }
}

#[tokio::test]
async fn plain_http_is_no_way_in() {
    let folder = Folder::signed(&Authority::new(), &["127.0.0.1"]);
    let world = World::with(&secured(&folder, ""), Vec::new()).await;
    let body = question(json!({})).to_string();
    let bytes = request("POST", PATH, &[JSON], body.as_bytes());
    let answer = exchange(world.address, &bytes).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    assert!(world.fake.asked().is_empty());
    // And whoever tried has kept nobody else out.
    assert_eq!(
        shown(world.address, &folder).await,
        shown(world.address, &folder).await
    );
}

#[tokio::test]
async fn a_client_that_trusts_somebody_else_does_not_come_in() {
    let folder = Folder::signed(&Authority::new(), &["127.0.0.1"]);
    let world = World::with(&secured(&folder, ""), Vec::new()).await;
    let other = Folder::signed(&Authority::new(), &["127.0.0.1"]);
    connect(world.address, &other, b"h2").await.unwrap_err();
}

#[tokio::test]
async fn keys_are_asked_for_inside_and_go_on_to_the_door() {
    let folder = Folder::signed(&Authority::new(), &["127.0.0.1"]);
    let auth = "auth: {required: true}";
    let world = World::with(
        &secured(&folder, auth),
        vec![Answer::Says(Box::new(answer("Paris.")))],
    )
    .await;
    let refused = ask(world.address, &folder, &[]).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert!(world.fake.asked().is_empty());
    let key = ("authorization", "Bearer tk_of_somebody");
    let reply = ask(world.address, &folder, &[key]).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let keys: Vec<_> = world
        .fake
        .asked()
        .into_iter()
        .map(|asked| asked.key)
        .collect();
    assert_eq!(keys, [Some("Bearer tk_of_somebody".to_owned())]);
}

#[tokio::test]
async fn a_new_certificate_is_shown_and_one_that_cannot_be_used_is_not() {
    let authority = Authority::new();
    let folder = Folder::signed(&authority, &["127.0.0.1"]);
    let world = World::with(&secured(&folder, ""), Vec::new()).await;
    let mut open = connect(world.address, &folder, b"http/1.1").await.unwrap();
    let old = shown(world.address, &folder).await;

    fs::write(folder.at("tls.key"), "no key at all").unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(shown(world.address, &folder).await, old);

    folder.write(&authority, authority.signed(&["127.0.0.1"]));
    let changed = async {
        while shown(world.address, &folder).await == old {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), changed)
        .await
        .unwrap();

    // Who came before stays.
    open.write_all(&request("GET", "/healthz", &[], b""))
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _closed = open.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 "), "{answer:?}");
}

#[tokio::test]
async fn what_cannot_be_served_is_told_with_its_key() {
    let bind = async |sections: &str, at: [u8; 4]| {
        let config = terrace_config::parse(sections, "a.yaml", [])
            .unwrap()
            .config;
        let settings = Settings::from_config(&config, Some(SocketAddr::from((at, 0))));
        listen::bind(&settings).await.unwrap_err().to_string()
    };
    let open = bind("", [0, 0, 0, 0]).await;
    assert!(
        open.contains("edge.cert_file") && open.contains("edge.allow_plaintext"),
        "{open}"
    );
    let folder = Folder::signed(&Authority::new(), &["127.0.0.1"]);
    fs::write(folder.at("tls.key"), "no key at all").unwrap();
    let unusable = bind(&secured(&folder, ""), [127, 0, 0, 1]).await;
    assert!(unusable.starts_with("edge.key_file: "), "{unusable}");
    fs::remove_file(folder.at("tls.crt")).unwrap();
    let unreadable = bind(&secured(&folder, ""), [127, 0, 0, 1]).await;
    assert!(unreadable.starts_with("edge.cert_file: "), "{unreadable}");
}
