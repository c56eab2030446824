//! Is it the same code? The language and a hash of the parse tree, without comments and layout.
//!
//! Two answers that differ in spaces, line breaks and comments alone have the same; a renamed variable
//! or other quotes are another one. Only where all code of the answer is in one language that
//! tree-sitter reads, and parses as a whole.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tree_sitter::{Node, Tree};

use super::{MAX_CODE_BYTES, MAX_TIME, parse, pieces, unfenced};
use crate::answer::Answer;
use crate::fences;
use crate::language::Language;

/// As many bytes of the hash are told.
const BYTES: usize = 16;

/// What tells the code of an answer from other code, as `python:9f86…`; `None` where it has none that
/// can be told.
pub(crate) fn code_tree(answer: &Answer) -> Option<String> {
    let fenced = fences::find(&answer.text);
    let end = Instant::now() + MAX_TIME;
    let pieces = pieces(&fenced, answer.code_language);
    let found: Vec<(Language, &str)> = if fenced.blocks.is_empty() {
        bare(answer).into_iter().collect()
    } else if pieces.len() == fenced.blocks.len() {
        pieces
            .iter()
            .map(|piece| (piece.language, piece.code))
            .collect()
    } else {
        Vec::new()
    };
    let (language, _) = *found.first()?;
    let mut hash = Sha256::new();
    for (other, code) in found {
        let tree = parse::whole(other, code, end).filter(|_| other == language)?;
        add(&tree, code.as_bytes(), &mut hash);
    }
    let mut told = format!("{}:", language.as_str());
    for byte in hash.finalize().iter().take(BYTES) {
        // Writing to a string cannot fail.
        let _written = write!(told, "{byte:02x}");
    }
    Some(told)
}

/// An answer that is nothing but code.
fn bare(answer: &Answer) -> Option<(Language, &str)> {
    let text = answer.text.as_str();
    let is_short = answer.code_expected && text.len() <= MAX_CODE_BYTES;
    let language = is_short.then(|| unfenced::detect(text)).flatten()?;
    Some((language, text))
}

/// Adds a tree: the kind of each node, how deep it stands, and the text of each leaf, with their
/// lengths, so that no two trees are written alike.
fn add(tree: &Tree, code: &[u8], hash: &mut Sha256) {
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let is_part = !is_layout(&node, code);
        if is_part {
            put(node.kind().as_bytes(), hash);
            hash.update(cursor.depth().to_be_bytes());
            if node.child_count() == 0 {
                put(text(&node, code), hash);
            }
        }
        if is_part && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// A comment, or a break between lines that some grammars have as a leaf.
fn is_layout(node: &Node<'_>, code: &[u8]) -> bool {
    let is_blank = !node.is_named() && text(node, code).trim_ascii().is_empty();
    is_blank || node.kind().contains("comment")
}

fn text<'a>(node: &Node<'_>, code: &'a [u8]) -> &'a [u8] {
    code.get(node.byte_range()).unwrap_or_default()
}

fn put(bytes: &[u8], hash: &mut Sha256) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Option<String> {
        code_tree(&Answer {
            code_expected: true,
            ..Answer::plain(text)
        })
    }

    fn python(code: &str) -> Option<String> {
        tree(&format!("Here it is:\n```python\n{code}\n```\nIt adds."))
    }

    #[test]
    fn comments_spaces_and_breaks_do_not_change_code() {
        let plain = python("def add(a, b):\n    return a + b");
        assert!(plain.as_ref().unwrap().starts_with("python:"), "{plain:?}");
        for same in [
            "def add(a,b):\n  return a+b",
            "# adds\ndef add(a, b):\n    return a + b  # the sum",
            "\n\ndef add( a, b ):\n\n        return (\n a + b\n)\n"
                .replace("(\n a + b\n)", "a + b")
                .as_str(),
        ] {
            assert_eq!(python(same), plain, "{same}");
        }
    }

    #[test]
    fn other_names_values_and_order_are_other_code() {
        let plain = python("def add(a, b):\n    return a + b");
        for other in [
            "def add(a, c):\n    return a + c",
            "def add(a, b):\n    return b + a",
            "def add(a, b):\n    return a - b",
            "def add(a, b):\n    'a + b'",
        ] {
            assert_ne!(python(other), plain, "{other}");
        }
        assert_ne!(python("x = ' '"), python("x = '  '"));
        assert_ne!(
            python("if a:\n    b()\nc()"),
            python("if a:\n    b()\n    c()")
        );
    }

    #[test]
    fn each_language_has_its_own_and_what_does_not_parse_has_none() {
        let rust = tree("```rust\nfn f(x: u8) -> u8 { x + 1 }\n```");
        let spaced = tree("```rust\nfn f(x: u8) -> u8 {\n    // one more\n    x + 1\n}\n```");
        assert_eq!(rust, spaced);
        assert!(rust.unwrap().starts_with("rust:"));
        assert_eq!(tree("```python\ndef f(:\n```"), None);
        assert_eq!(tree("No code at all."), None);
        assert_eq!(tree("```python\nx = 1\n```\n```rust\nfn f() {}\n```"), None);
        assert_eq!(tree("```brainfuck\n+++\n```\n```python\nx = 1\n```"), None);
    }

    #[test]
    fn deep_and_large_code_comes_to_an_end() {
        let deep = format!("x = {}1{}", "(".repeat(3000), ")".repeat(3000));
        let large = "x = [1, 2, 3]\n".repeat(20_000);
        for code in [deep, large] {
            let begin = Instant::now();
            let _told = python(&code);
            assert!(begin.elapsed() < std::time::Duration::from_secs(10));
        }
    }
}
