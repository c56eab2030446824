//! A server over TLS: `--ca`, `--cert` and `--cert-key`, and what is said where they do not fit.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use terrace_testkit::Process;
use terrace_testkit::certificates::{Authority, Folder};

use crate::{stderr, stdout, terrace};

/// A classifier over TLS: the one service that needs nobody else to answer.
struct Server {
    address: String,
    authority: Authority,
    _files: Folder,
    _process: Process,
}

impl Server {
    async fn start() -> Self {
        let authority = Authority::new();
        let files = Folder::signed(&authority, &["127.0.0.1"]);
        let [ca, cert, key] = files.files();
        let env = [
            ("TERRACE__TLS__CA_FILE", ca),
            ("TERRACE__TLS__CERT_FILE", cert),
            ("TERRACE__TLS__KEY_FILE", key),
        ];
        let program = Path::new(env!("CARGO_BIN_EXE_terrace"));
        let args = ["serve", "classifier", "--listen", "127.0.0.1:0"];
        let process = Process::start(program, args, env).unwrap();
        let listens = |line: &str| line.contains(" listening on https://");
        let patience = Duration::from_secs(60);
        let line = process.wait_for_line(listens, patience).await.unwrap();
        let (_, address) = line.split_once(" listening on ").unwrap();
        Self {
            address: address.to_owned(),
            authority,
            _files: files,
            _process: process,
        }
    }

    /// Asks what it learned, with these flags in front.
    fn ask(&self, flags: &[&str]) -> Output {
        let ask = ["--server", &self.address, "learning", "status"];
        terrace(&[&ask, flags].concat())
    }
}

/// The three paths of a folder as arguments.
fn paths(folder: &Folder) -> [String; 3] {
    folder.files().map(|path| path.display().to_string())
}

/// Says that no call was made, and why.
fn is_told(output: &Output, why: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(7), "{text}");
    assert!(
        text.starts_with("error: ") && text.contains("server at https://"),
        "{text}"
    );
    assert!(text.contains(why), "{text}");
    // One line, without a hint that there is no server.
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[tokio::test]
async fn a_server_over_tls_is_reached_with_its_authority_and_a_certificate() {
    let server = Server::start().await;
    let caller = Folder::signed(&server.authority, &["somebody"]);
    let [ca, cert, key] = paths(&caller);
    let output = server.ask(&["--ca", &ca, "--cert", &cert, "--cert-key", &key]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("nothing is learned here"));

    let output = server.ask(&["--ca", &ca]);
    // Said by the server, or what is left to guess when it was gone too soon.
    is_told(&output, "name one with --cert");
    let output = server.ask(&["--cert", &cert, "--cert-key", &key]);
    is_told(&output, "name the file of its own authority with --ca");

    let stranger = Folder::signed(&Authority::new(), &["somebody"]);
    let [other_ca, other_cert, other_key] = paths(&stranger);
    let output = server.ask(&["--ca", &other_ca, "--cert", &cert, "--cert-key", &key]);
    is_told(&output, "another authority than those in the file of --ca");
    let output = server.ask(&["--ca", &ca, "--cert", &other_cert, "--cert-key", &other_key]);
    is_told(&output, "not accept the certificate of --cert");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_by_flag_before_any_call() {
    let caller = Folder::signed(&Authority::new(), &["somebody"]);
    let [ca, cert, key] = paths(&caller);
    let ask = |flags: &[&str]| {
        let ask = ["--server", "https://127.0.0.1:1", "models"];
        let output = terrace(&[&ask, flags].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        stderr(&output)
    };
    let text = ask(&["--ca", "/no/such/file"]);
    assert!(
        text.contains("--ca: /no/such/file cannot be read"),
        "{text}"
    );
    let text = ask(&["--ca", &key]);
    assert!(text.contains("--ca: ") && !text.contains("BEGIN"), "{text}");
    let text = ask(&["--ca", &ca, "--cert", &cert, "--cert-key", &cert]);
    assert!(text.contains("--cert-key: "), "{text}");
    let text = ask(&["--ca", &ca, "--cert", &cert]);
    assert!(text.contains("--cert-key <FILE>"), "{text}");
}
