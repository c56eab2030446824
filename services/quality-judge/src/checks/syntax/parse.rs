//! One piece of code through the grammar of its language.
//!
//! SQL and YAML have parsers of their own; all others go through tree-sitter.
//!
//! tree-sitter always gives a tree and marks what does not fit, so the result says how much of
//! the code that is and where it begins. On ordinary code, right or wrong, it is linear; on some
//! noise it is quadratic and worse, in single steps that it does not count. So a clock ends it,
//! and then nothing is said: that is the one place where the same answer may be judged
//! differently, and only if it takes a thousand times as long as its size would need.

mod sql;
mod yaml;

use std::ops::ControlFlow;

use tokio::time::Instant;
use tree_sitter::{Node, ParseOptions, Parser, Tree};

use crate::language::Language;

/// How much of a shell script is parsed: its grammar reads here-documents again and again.
const MAX_BASH_BYTES: usize = 16 * 1024;

/// How a piece of code parses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Parsed {
    /// All of it fits.
    Clean,
    /// Some of it does not.
    Broken {
        /// Share of its bytes that do not fit, 0 to 1.
        share: f64,
        /// Line of the first that does not, counted from 1.
        line: usize,
    },
    /// Nothing is known: it takes longer than is allowed, or is of a kind that no parser here reads.
    Unclear,
}

/// Parses a piece of code, until `end` at the latest.
pub(crate) fn parse(language: Language, code: &str, end: Instant) -> Parsed {
    if let Some(line) = first_binary_line(code) {
        return Parsed::Broken { share: 1.0, line };
    }
    if language == Language::Bash && code.len() > MAX_BASH_BYTES {
        return Parsed::Unclear;
    }
    let grammar = match language {
        Language::Sql => return sql::parse(code),
        Language::Yaml => return yaml::parse(code),
        other => grammar(other),
    };
    match grammar.and_then(|grammar| tree(&grammar, code.as_bytes(), end)) {
        None => Parsed::Unclear,
        Some(tree) if !tree.root_node().has_error() => Parsed::Clean,
        Some(tree) => broken(&tree, code.len()),
    }
}

/// The tree of code that parses as a whole, in a language that tree-sitter reads.
pub(crate) fn whole(language: Language, code: &str, end: Instant) -> Option<Tree> {
    let is_long = language == Language::Bash && code.len() > MAX_BASH_BYTES;
    if is_long || first_binary_line(code).is_some() {
        return None;
    }
    let tree = tree(&grammar(language)?, code.as_bytes(), end)?;
    (!tree.root_node().has_error()).then_some(tree)
}

/// The line of the first control character: no language has any, and scanners stumble over them.
fn first_binary_line(code: &str) -> Option<usize> {
    let is_binary = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let at = code.bytes().position(|byte| is_binary(&byte))?;
    Some(code[..at].matches('\n').count() + 1)
}

fn tree(grammar: &tree_sitter::Language, code: &[u8], end: Instant) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(grammar).ok()?;
    let mut progress = |_: &tree_sitter::ParseState| {
        if Instant::now() > end {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let mut read = |at: usize, _| code.get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}

/// Adds up what does not fit. Whole subtrees without an error are passed over.
fn broken(tree: &Tree, bytes: usize) -> Parsed {
    let mut cursor = tree.walk();
    let (mut wrong, mut first) = (0, None);
    loop {
        let node = cursor.node();
        let here = node.is_error() || node.is_missing();
        if here {
            wrong += extent(&node);
            first.get_or_insert_with(|| node.start_position().row + 1);
        }
        if !here && node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                let share = (wrong as f64 / bytes.max(1) as f64).min(1.0);
                let line = first.unwrap_or(1);
                return Parsed::Broken { share, line };
            }
        }
    }
}

/// Bytes of a node; what is missing counts as one.
fn extent(node: &Node<'_>) -> usize {
    (node.end_byte() - node.start_byte()).max(1)
}

/// The grammar of a language, for those that tree-sitter reads.
fn grammar(language: Language) -> Option<tree_sitter::Language> {
    let grammar = match language {
        Language::Sql | Language::Yaml => return None,
        Language::Python => tree_sitter_python::LANGUAGE,
        Language::Rust => tree_sitter_rust::LANGUAGE,
        Language::JavaScript => tree_sitter_javascript::LANGUAGE,
        Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
        Language::Go => tree_sitter_go::LANGUAGE,
        Language::Java => tree_sitter_java::LANGUAGE,
        Language::C => tree_sitter_c::LANGUAGE,
        Language::Cpp => tree_sitter_cpp::LANGUAGE,
        Language::Bash => tree_sitter_bash::LANGUAGE,
        Language::Json => tree_sitter_json::LANGUAGE,
    };
    Some(grammar.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn quick(language: Language, code: &str) -> Parsed {
        parse(language, code, Instant::now() + Duration::from_secs(20))
    }

    /// A piece that parses and one that does not, per language.
    const SAMPLES: &[(Language, &str, &str)] = &[
        (
            Language::Python,
            "def f(x):\n    return x + 1\n",
            "def f(x:\n    return x +\n",
        ),
        (
            Language::Rust,
            "fn f(x: u8) -> u8 { x + 1 }",
            "fn f(x: u8 -> u8 { x + }",
        ),
        (
            Language::JavaScript,
            "const f = (x) => x + 1;",
            "const f = (x => { x + ;",
        ),
        (
            Language::TypeScript,
            "function f(x: number): number { return x; }",
            "function f(x: ): { return",
        ),
        (
            Language::Tsx,
            "const A = () => <p>hi</p>;",
            "const A = () => <p>hi</;",
        ),
        (
            Language::Go,
            "package main\nfunc f(x int) int { return x }\n",
            "func f(x int int { return }}",
        ),
        (
            Language::Java,
            "class A { int f(int x) { return x; } }",
            "class A { int f(int x { return x } }",
        ),
        (
            Language::C,
            "int f(int x) { return x; }",
            "int f(int x { return x }",
        ),
        (
            Language::Cpp,
            "template <class T> T f(T x) { return x; }",
            "template <class T T f(T x) { return",
        ),
        (
            Language::Bash,
            "for f in *; do echo \"$f\"; done",
            "for f in *; do echo \"$f\"; if",
        ),
        (Language::Json, "{\"a\": [1, 2]}", "{\"a\": [1, 2}"),
        (Language::Sql, "SELECT 1", "SELECT 1 FROM WHERE"),
        (Language::Yaml, "a: [1, 2]", "a: [1, 2"),
    ];

    #[test]
    fn every_language_tells_right_from_wrong() {
        assert_eq!(SAMPLES.len(), Language::ALL.len());
        for (language, right, wrong) in SAMPLES {
            assert_eq!(quick(*language, right), Parsed::Clean, "{language:?}");
            assert!(
                matches!(quick(*language, wrong), Parsed::Broken { .. }),
                "{language:?}"
            );
        }
    }

    #[test]
    fn the_line_and_the_share_of_the_error_are_told() {
        let code = format!("{}def broken(:\n", "x = 1\n".repeat(50));
        let Parsed::Broken { share, line } = quick(Language::Python, &code) else {
            panic!("it parses");
        };
        assert!(share < 0.2, "{share}");
        assert!(line >= 50, "{line}");
    }

    #[test]
    fn deep_nesting_and_noise_come_to_an_end() {
        for piece in [
            "(", "[", "{", "if x:\n", "\"", "<", "=~ ", "a<", "`", "\u{0}", "\u{1}a",
        ] {
            let code = piece.repeat(1500 / piece.len());
            for language in Language::ALL {
                let begin = Instant::now();
                parse(language, &code, begin + Duration::from_millis(50));
                assert!(
                    begin.elapsed() < Duration::from_secs(10),
                    "{language:?} {piece:?}"
                );
            }
        }
    }

    #[test]
    fn no_time_means_nothing_is_said() {
        let code = "x = [1, 2, 3]\n".repeat(2000);
        let past = Instant::now()
            .checked_sub(Duration::from_millis(1))
            .unwrap();
        assert_eq!(parse(Language::Python, &code, past), Parsed::Unclear);
    }

    #[test]
    fn control_characters_are_in_no_language() {
        let parsed = quick(Language::Bash, "echo a\necho \u{0}");
        assert_eq!(
            parsed,
            Parsed::Broken {
                share: 1.0,
                line: 2
            }
        );
    }
}
