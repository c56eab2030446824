//! Other gateways, as a file describes them: how each is started and asked.
//!
//! Nothing is installed here. A peer whose program is not there is left out, and named in the
//! report. In commands, files, headers and variables `{home}` stands for the folder of the peers,
//! `{folder}` for one of the run's own, `{backend}` for the stub's address, `{port}` and
//! `{other_port}` for free ports of loopback.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tempfile::TempDir;
use terrace_testkit::ports::lasting_port;
use tokio::time::{Instant, sleep};

use super::backend::MODEL;
use super::http::Target;
use super::running::Running;

/// A peer, as the file has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    /// What it is called in the report.
    pub(crate) name: String,
    /// Where its program may be; the first that is there is run.
    programs: Vec<String>,
    /// What its program is given.
    #[serde(default)]
    args: Vec<String>,
    /// Variables that it is given.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Files that are written into the run's folder before it starts.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Files that have to be there beside its program.
    #[serde(default)]
    needs: Vec<String>,
    /// The file into which it writes its URL, where it chooses its port itself.
    #[serde(default)]
    url_file: Option<String>,
    /// The path of its chat completions.
    #[serde(default = "chat_completions")]
    path: String,
    /// What the stub's model is called there.
    #[serde(default = "model")]
    model: String,
    /// Headers of every call.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// How long it may take to start, in seconds.
    #[serde(default = "patience")]
    patience_s: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    peers: Vec<Peer>,
}

fn chat_completions() -> String {
    "/v1/chat/completions".to_owned()
}

fn model() -> String {
    MODEL.to_owned()
}

const fn patience() -> u64 {
    90
}

/// Reads the file of the peers.
///
/// # Errors
/// It cannot be read, or is no such file; the message says where.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<Peer>> {
    let name = || format!("{}", file.display());
    let text = std::fs::read_to_string(file).with_context(name)?;
    let file: File = serde_saphyr::from_str(&text).with_context(name)?;
    Ok(file.peers)
}

impl Peer {
    /// Its program, if that and all that it needs is there.
    pub(crate) fn program(&self, home: &Path) -> Option<PathBuf> {
        let place = |text: &String| PathBuf::from(text.replace("{home}", &home.to_string_lossy()));
        let needs = self.needs.iter().map(place).all(|path| path.exists());
        let mut programs = self.programs.iter().map(place);
        programs.find(|path| needs && path.exists())
    }

    /// How long it may take to start.
    pub(crate) const fn patience(&self) -> Duration {
        Duration::from_secs(self.patience_s)
    }

    /// Starts it in front of a backend; gives the folder that it works in too.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn start(
        &self,
        home: &Path,
        backend: &str,
    ) -> anyhow::Result<(Running, Target, TempDir)> {
        let folder = TempDir::with_prefix("terrace-peer.")?;
        let (port, other) = (lasting_port()?, lasting_port()?);
        let values = [
            ("{home}", home.to_string_lossy().into_owned()),
            ("{folder}", folder.path().to_string_lossy().into_owned()),
            ("{backend}", backend.to_owned()),
            ("{port}", port.to_string()),
            ("{other_port}", other.to_string()),
        ];
        let fill = |text: &String| fill(text, &values);
        for (name, text) in &self.files {
            std::fs::write(folder.path().join(name), fill(text))?;
        }
        let program = self.program(home).context("its program is not there")?;
        let args: Vec<String> = self.args.iter().map(fill).collect();
        let running = Running::start(&program, &args, &filled(&self.env, fill))?;
        let authority = match &self.url_file {
            Some(file) => self.authority(Path::new(&fill(file))).await?,
            None => format!("127.0.0.1:{port}"),
        };
        let headers = filled(&self.headers, fill);
        let target = Target::new(&authority, &self.path, &self.model, &headers)?;
        Ok((running, target, folder))
    }

    /// The address that the peer wrote down.
    async fn authority(&self, file: &Path) -> anyhow::Result<String> {
        let began = Instant::now();
        loop {
            let url = std::fs::read_to_string(file).unwrap_or_default();
            if let Some(rest) = url.trim().strip_prefix("http://") {
                // Without the path: that stands in the file of the peers.
                let authority = rest.split('/').next().unwrap_or(rest);
                return Ok(authority.to_owned());
            }
            ensure!(began.elapsed() < self.patience(), "it wrote no address");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

fn fill(text: &str, values: &[(&str, String)]) -> String {
    let values = values.iter();
    values.fold(text.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    })
}

fn filled(
    map: &BTreeMap<String, String>,
    fill: impl Fn(&String) -> String,
) -> Vec<(String, String)> {
    let pairs = map.iter();
    pairs
        .map(|(name, value)| (name.clone(), fill(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_is_shipped_can_be_read() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers.yaml");
        let peers = read(&file).unwrap();
        let names: Vec<&str> = peers.iter().map(|peer| peer.name.as_str()).collect();
        assert!(
            names.contains(&"nginx") && names.contains(&"tensorzero"),
            "{names:?}"
        );
    }

    #[test]
    fn a_peer_is_there_when_its_program_and_what_it_needs_are() {
        let folder = TempDir::new().unwrap();
        let yaml = "name: p\nprograms: ['{home}/none', '{home}/p']\nneeds: ['{home}/lib']\n";
        let peer: Peer = serde_saphyr::from_str(yaml).unwrap();
        std::fs::write(folder.path().join("p"), "").unwrap();
        assert_eq!(peer.program(folder.path()), None);
        std::fs::write(folder.path().join("lib"), "").unwrap();
        assert_eq!(peer.program(folder.path()), Some(folder.path().join("p")));
    }
}
