//! `docs/API.md`: every service, message and enum with its comments, made from the protos.
//!
//! The check compares what stands there with what the protos say now; `cargo xtask write-api` writes
//! it. The page is put together in `page.rs`; this file reads the protos and knows where it goes.

mod page;

use std::path::{Path, PathBuf};

use anyhow::Context;
use prost_types::FileDescriptorProto;
use walkdir::WalkDir;

use crate::finding::Finding;

const PAGE: &str = "docs/API.md";

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    if !root.join("proto").is_dir() {
        return Ok(Vec::new());
    }
    let wanted = page::of(&protos(root)?);
    let shown = std::fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    if wanted == shown {
        return Ok(Vec::new());
    }
    let same = wanted
        .lines()
        .zip(shown.lines())
        .take_while(|(a, b)| a == b);
    let message = "is not what the protos say: run `cargo xtask write-api`";
    Ok(vec![Finding::new(PAGE, same.count() + 1, message)])
}

/// Writes the page; there is nothing to put right then.
pub(crate) fn write(root: &Path) -> anyhow::Result<Vec<Finding>> {
    std::fs::write(root.join(PAGE), page::of(&protos(root)?)).context(PAGE)?;
    Ok(Vec::new())
}

/// All files of ours with their comments, by package and name.
fn protos(root: &Path) -> anyhow::Result<Vec<FileDescriptorProto>> {
    let folder = root.join("proto");
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in WalkDir::new(&folder).sort_by_file_name() {
        let path = entry?.into_path();
        if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            paths.push(path);
        }
    }
    let set = protox::compile(&paths, [&folder]).context("the protos do not compile")?;
    let ours = set.file.into_iter();
    let mut files: Vec<_> = ours
        .filter(|file| file.name().starts_with("terrace/"))
        .collect();
    files.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: &str = r#"// Greets.
syntax = "proto3";
package terrace.greeter.v1;
// Says hello.
service GreeterService {
  // Greets one.
  rpc Greet(GreetRequest) returns (stream GreetResponse);
}
// Whom to greet.
message GreetRequest {
  // The name;
  // not empty.
  string name = 1;
  // Their titles.
  map<string, uint32> titles = 2;
  oneof how {
    // Aloud.
    bool aloud = 3;
    // How kindly.
    Kindness kindness = 4;
  }
}
// The greeting.
message GreetResponse {
  // Words | more words.
  repeated string words = 1;
}
// How kindly.
enum Kindness {
  // Not set.
  KINDNESS_UNSPECIFIED = 0;
}
"#;

    fn repository() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("proto/terrace/greeter/v1");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(root.path().join("docs")).unwrap();
        std::fs::write(folder.join("greeter.proto"), PROTO).unwrap();
        root
    }

    #[test]
    fn a_page_has_every_comment_type_and_number() {
        let root = repository();
        let page = page::of(&protos(root.path()).unwrap());
        for line in [
            "## terrace.greeter.v1",
            "### greeter.v1.GreeterService",
            "| `Greet` | [`GreetRequest`](#greeterv1greetrequest) | stream of [`GreetResponse`](#greeterv1greetresponse) | Greets one. |",
            "| `name` | 1 | `string` | The name; not empty. |",
            "| `titles` | 2 | map of `string` to `uint32` | Their titles. |",
            "| `kindness` | 4 | [`Kindness`](#greeterv1kindness), one of `how` | How kindly. |",
            "| `words` | 1 | list of `string` | Words \\| more words. |",
            "| `KINDNESS_UNSPECIFIED` | 0 | Not set. |",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line}\n{page}");
        }
    }

    #[test]
    fn a_page_that_has_fallen_behind_is_found_and_written_anew() {
        let root = repository();
        let found = check(root.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().contains("write-api"), "{found:?}");
        assert_eq!(write(root.path()).unwrap(), []);
        assert_eq!(check(root.path()).unwrap(), []);
    }
}
