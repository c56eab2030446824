//! Budgets of length: a file, a function and a `main.rs` that one reads in one go.
//!
//! Also what else makes files hard to find or to trust: `mod.rs`, a file without its opening
//! story, a note to self that nobody can look up.

use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::Visit;

use crate::finding::{File, Finding, files};

/// Longest file, in lines of any kind.
const FILE_LINES: usize = 500;
/// Longest function, from its signature to the closing brace.
const FUNCTION_LINES: usize = 60;
/// Longest `main.rs` of a service, tests left out: a main only sequences.
const MAIN_LINES: usize = 40;
/// Words that mark a note to self.
const NOTES: &[&str] = &["TODO", "FIXME", "XXX"];

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut found = Vec::new();
    for file in files(root, &["rs"])? {
        file_length(&file, &mut found);
        opening(&file, &mut found);
        match syn::parse_file(&file.text) {
            Ok(tree) => {
                functions(&file, &tree, &mut found);
                main_length(&file, &tree, &mut found);
            }
            Err(error) => {
                let line = error.span().start().line;
                found.push(Finding::new(
                    &file.path,
                    line,
                    format!("does not parse: {error}"),
                ));
            }
        }
    }
    for file in files(
        root,
        &["rs", "proto", "sh", "py", "toml", "yaml", "yml", "sql"],
    )? {
        notes(&file, &mut found);
    }
    Ok(found)
}

fn file_length(file: &File, found: &mut Vec<Finding>) {
    let lines = file.text.lines().count();
    if lines > FILE_LINES {
        let message = format!(
            "the file has {lines} lines, {FILE_LINES} are allowed: move one of its ideas to a file of its own"
        );
        found.push(Finding::new(&file.path, FILE_LINES + 1, message));
    }
    if file.name() == "mod.rs" {
        let message = "a module's file is named like the module: move it to ../<module>.rs";
        found.push(Finding::new(&file.path, 1, message));
    }
}

fn opening(file: &File, found: &mut Vec<Finding>) {
    if !file.text.starts_with("//!") && !file.is_test_module() {
        let message = "begin the file with `//!`: what it is, why it is here, what it does not do";
        found.push(Finding::new(&file.path, 1, message));
    }
}

fn functions(file: &File, tree: &syn::File, found: &mut Vec<Finding>) {
    let mut lengths = Functions::default();
    lengths.visit_file(tree);
    for (name, first, last) in lengths.seen {
        let lines = last + 1 - first;
        if lines > FUNCTION_LINES {
            let message = format!(
                "fn {name} has {lines} lines, {FUNCTION_LINES} are allowed: give its steps names of their own"
            );
            found.push(Finding::new(&file.path, first, message));
        }
    }
}

/// Collects name, first and last line of every function that has a body.
#[derive(Default)]
struct Functions {
    seen: Vec<(String, usize, usize)>,
}

impl Functions {
    fn note(&mut self, signature: &syn::Signature, body: &syn::Block) {
        self.seen.push((
            signature.ident.to_string(),
            signature.span().start().line,
            body.brace_token.span.close().end().line,
        ));
    }
}

impl<'tree> Visit<'tree> for Functions {
    fn visit_item_fn(&mut self, item: &'tree syn::ItemFn) {
        self.note(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'tree syn::ImplItemFn) {
        self.note(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'tree syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.note(&item.sig, body);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

fn main_length(file: &File, tree: &syn::File, found: &mut Vec<Finding>) {
    if !file.path.starts_with("services") || !file.path.ends_with("src/main.rs") {
        return;
    }
    let tests: usize = tree
        .items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(module) if module.attrs.iter().any(is_cfg_test) => {
                Some(module.span().end().line + 1 - module.span().start().line)
            }
            _ => None,
        })
        .sum();
    let lines = file.text.lines().count() - tests;
    if lines > MAIN_LINES {
        let message = format!(
            "main.rs has {lines} lines, {MAIN_LINES} are allowed: it only sequences, the rest belongs to the library"
        );
        found.push(Finding::new(&file.path, MAIN_LINES + 1, message));
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    let meta = attribute.meta.require_list();
    attribute.path().is_ident("cfg")
        && meta.is_ok_and(|list| list.tokens.to_string().contains("test"))
}

fn notes(file: &File, found: &mut Vec<Finding>) {
    let marker = match file.path.extension().and_then(|e| e.to_str()) {
        Some("rs" | "proto") => "//",
        Some("sql") => "--",
        _ => "#",
    };
    for (at, line) in file.text.lines().enumerate() {
        let Some((_, comment)) = line.split_once(marker) else {
            continue;
        };
        let words: Vec<&str> = comment.split_whitespace().collect();
        let note = words.iter().find(|word| is_bare_note(word));
        if let Some(note) = note {
            let message = format!("{note} has no issue: write it as NAME(#123), or do it now");
            found.push(Finding::new(&file.path, at + 1, message));
        }
    }
}

/// Whether a word is a note to self that names no issue.
fn is_bare_note(word: &str) -> bool {
    let numbered = |rest: &str| {
        let number = rest
            .strip_prefix("(#")
            .and_then(|rest| rest.split_once(')'));
        number.is_some_and(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    NOTES.iter().any(|note| {
        word.strip_prefix(note)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()) && !numbered(rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Runs the check over one file with `text` at `path`.
    fn findings_of(path: &str, text: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        let found = check(root.path()).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    fn file_with_lines(lines: usize) -> String {
        format!("//! Story.\n{}", "// line\n".repeat(lines - 1))
    }

    /// A function of `lines` lines, inside an `impl` and behind a doc comment.
    fn function_with_lines(lines: usize) -> String {
        let body = "        let _ = 1;\n".repeat(lines - 2);
        format!(
            "//! Story.\nstruct A;\nimpl A {{\n    /// Doc.\n    fn long() {{\n{body}    }}\n}}\n"
        )
    }

    #[test]
    fn a_file_of_500_lines_passes_and_one_more_fails() {
        assert_eq!(
            findings_of("libs/a/src/b.rs", &file_with_lines(500)),
            [""; 0]
        );
        let found = findings_of("libs/a/src/b.rs", &file_with_lines(501));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("libs/a/src/b.rs:501: the file has 501 lines"));
    }

    #[test]
    fn a_function_of_60_lines_passes_and_one_more_fails() {
        assert_eq!(
            findings_of("cli/src/b.rs", &function_with_lines(60)),
            [""; 0]
        );
        let found = findings_of("cli/src/b.rs", &function_with_lines(61));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("cli/src/b.rs:5: fn long has 61 lines"));
    }

    #[test]
    fn a_long_function_hidden_in_a_test_module_fails_too() {
        let body = "        let _ = 1;\n".repeat(60);
        let text =
            format!("//! Story.\n#[cfg(test)]\nmod tests {{\n    fn long() {{\n{body}    }}\n}}\n");
        let found = findings_of("libs/a/src/b.rs", &text);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_service_main_counts_without_its_tests() {
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "    // line\n".repeat(30)
        );
        let path = "services/judge/src/main.rs";
        assert_eq!(
            findings_of(path, &format!("{}{tests}", file_with_lines(40))),
            [""; 0]
        );
        let found = findings_of(path, &format!("{}{tests}", file_with_lines(41)));
        assert!(found[0].contains("main.rs has 41 lines"), "{found:?}");
    }

    #[test]
    fn mod_rs_and_a_missing_story_fail() {
        let found = findings_of("libs/a/src/b/mod.rs", "pub fn b() {}\n");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("begin the file with") || found[1].contains("begin the file with")
        );
        assert!(
            found
                .iter()
                .any(|line| line.contains("named like the module"))
        );
    }

    #[test]
    fn a_note_needs_an_issue_number() {
        let bare = ["TO", "DO: later"].concat();
        let found = findings_of("libs/a/src/b.rs", &format!("//! Story.\n// {bare}\n"));
        assert_eq!(found.len(), 1, "{found:?}");
        let numbered = ["TO", "DO(#12): later"].concat();
        assert_eq!(
            findings_of("libs/a/src/b.rs", &format!("//! Story.\n// {numbered}\n")),
            [""; 0]
        );
        let found = findings_of("deploy/a.yaml", &format!("a: 1 # {bare}\n"));
        assert!(found[0].starts_with("deploy/a.yaml:1: "), "{found:?}");
    }

    #[test]
    fn build_folders_are_not_looked_at() {
        assert_eq!(
            findings_of("target/debug/b.rs", &file_with_lines(900)),
            [""; 0]
        );
    }
}
