//! Every feature over every kind, as a table; `docs/BACKENDS.md` shows it as it is.
//!
//! `UPDATE_DOCS=1` writes it there; without, the documents have to have what was found.

use std::fmt::Write as _;
use std::path::Path;

use terrace_conformance::Kind;
use terrace_conformance::server::Server;

use crate::features::{FEATURES, Feature, Found};

const BEGIN: &str = "<!-- begin: written by the conformance suite -->\n";
const END: &str = "<!-- end -->\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_of_the_table_is_as_the_documents_show_it() {
    let table = table().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/BACKENDS.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (shown, tail) = rest.split_once(END).unwrap();
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}")).unwrap();
        return;
    }
    assert_eq!(shown, table, "build the suite again with UPDATE_DOCS=1");
}

async fn table() -> String {
    let mut table = String::from("| |");
    for kind in Kind::ALL {
        write!(table, " {} |", kind.title()).unwrap();
    }
    write!(table, "\n|---|{}\n", "---|".repeat(Kind::ALL.len())).unwrap();
    for feature in FEATURES {
        write!(table, "| {} |", feature.title()).unwrap();
        for kind in Kind::ALL {
            write!(table, " {} |", cell(*feature, kind).await).unwrap();
        }
        table.push('\n');
    }
    table
}

/// What was found, and where.
#[expect(clippy::panic, reason = "a cell that is neither is a failed test")]
async fn cell(feature: Feature, kind: Kind) -> String {
    let server = feature.server(kind);
    match feature.check(kind, server).await {
        Ok(Found::Yes) => format!("yes ({})", title(server, kind)),
        Ok(Found::Refused) => "refused".to_owned(),
        Ok(Found::Absent) => format!("left out ({})", title(server, kind)),
        Err(why) => panic!("{} of {}: {why:#}", feature.title(), kind.title()),
    }
}

fn title(server: Option<Server>, kind: Kind) -> &'static str {
    server.map_or("scripted", |server| server.title(kind))
}
