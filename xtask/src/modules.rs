//! Contracts stop at the door: inside a service only `grpc.rs` and the clients name the messages
//! of an rpc.
//!
//! A decision that is made on domain types can be tested without a wire, and a change of a contract
//! touches the edge alone. The shared words of `terrace.common` (a conversation, for one) may be
//! carried through: whoever only carries them has nothing to translate.

use std::path::Path;

use crate::finding::{File, Finding, files};

/// The packages whose messages belong to one service's rpcs.
const CONTRACTS: &[&str] = &["classifier", "gateway", "judge", "ledger", "router"];
/// Files and folders below `src/` that translate between wire and domain, or build the graph.
const EDGES: &[&str] = &["app.rs", "clients", "clients.rs", "grpc", "grpc.rs"];
/// Files that carry a message through and decide nothing by it, each with what it is carried for.
const CARRIERS: &[(&str, &str)] = &[
    (
        "services/orchestrator/src/answers/reply.rs",
        "another orchestrator's answer is told on in the words in which it was told",
    ),
    (
        "services/orchestrator/src/fingerprint.rs",
        "the fingerprint of a body is that of its bytes on the wire",
    ),
];

/// Services that are an edge through and through, each with what they translate.
const TRANSLATORS: &[(&str, &str)] = &[(
    "edge",
    "one wire into another and nothing between them: a domain type would be a third copy of both",
)];

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let all = files(root, &["rs"])?;
    let inner = all
        .iter()
        .filter(|file| is_inside_a_service(file) && !file.is_test_module());
    Ok(inner.filter_map(wire_type_in).collect())
}

/// Whether the file is part of a service's library and no edge of it.
fn is_inside_a_service(file: &File) -> bool {
    let parts: Vec<_> = file.path.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["services", service, ..] if is_translator(service) => false,
        ["services", _, "src", first, ..] => !EDGES.contains(first) && !is_carrier(&file.path),
        _ => false,
    }
}

fn is_translator(service: &str) -> bool {
    TRANSLATORS.iter().any(|(name, _)| *name == service)
}

fn is_carrier(path: &Path) -> bool {
    CARRIERS
        .iter()
        .any(|(carrier, _)| Path::new(carrier) == path)
}

fn wire_type_in(file: &File) -> Option<Finding> {
    let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
    let (at, _) = code.match_indices("terrace_proto::").find(|(at, _)| {
        let path = code[*at..].split(';').next().unwrap_or_default();
        CONTRACTS
            .iter()
            .any(|contract| path.contains(&format!("{contract}::v1")))
    })?;
    let line = code[..at].lines().count().max(1);
    let message =
        "a message of an rpc inside the service: turn it into a domain type in grpc.rs or clients/";
    Some(Finding::new(&file.path, line, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_contract_is_named_at_the_edges_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let text = "//! Story.\n\nuse terrace_proto::common::v1::Message;\n\
                    use terrace_proto::{\n    judge::v1::Verdict,\n};\n";
        for path in [
            "src/route/tests.rs",
            "src/grpc.rs",
            "src/clients/judge.rs",
            "src/route.rs",
            "tests/it/main.rs",
        ] {
            let path = root.path().join("services/judge").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let edge = root.path().join("services/edge/src");
        fs::create_dir_all(&edge).unwrap();
        fs::write(edge.join("wishes.rs"), text).unwrap();
        let found = check(root.path()).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, Path::new("services/judge/src/route.rs"));
        assert_eq!(found[0].line, 4);
    }
}
