//! The language of the code in question: from fence tags, names, file endings and syntax.
//!
//! Each sighting adds points to its language and the best one wins. Words that are also plain
//! English (`go`, `c`, `swift`) count only beside a word that makes them a language. Nothing is
//! parsed here; the judge does that with the answer.

use std::sync::LazyLock;

use crate::words::Table;

/// A language as everybody in Terrace calls it.
pub type Name = &'static str;

/// Points of a fence tag.
const TAG: u32 = 6;
/// Points of a name or of a file's ending.
const NAME: u32 = 3;
/// Points of a piece of syntax.
const SYNTAX: u32 = 2;
/// Points that it takes to name a language.
const ENOUGH: u32 = 3;

/// All languages that can be told, in the order in which ties are decided.
const LANGUAGES: [Name; 20] = [
    "python",
    "rust",
    "typescript",
    "javascript",
    "go",
    "java",
    "cpp",
    "c",
    "csharp",
    "bash",
    "sql",
    "ruby",
    "php",
    "swift",
    "kotlin",
    "scala",
    "html",
    "css",
    "haskell",
    "r",
];

/// The usual name of a language, from any of the names that people and fences use.
#[must_use]
pub fn canonical(name: &str) -> Option<Name> {
    Some(match name.to_ascii_lowercase().as_str() {
        "python" | "py" | "python3" | "py3" | "pycon" => "python",
        "rust" | "rs" => "rust",
        "typescript" | "ts" | "tsx" | "mts" => "typescript",
        "javascript" | "js" | "jsx" | "mjs" | "cjs" | "node" | "nodejs" => "javascript",
        "go" | "golang" => "go",
        "java" => "java",
        "cpp" | "c++" | "cxx" | "cc" | "hpp" => "cpp",
        "c" | "h" => "c",
        "csharp" | "c#" | "cs" => "csharp",
        "bash" | "sh" | "shell" | "zsh" | "ksh" => "bash",
        "sql" | "postgresql" | "postgres" | "mysql" | "sqlite" => "sql",
        "ruby" | "rb" => "ruby",
        "php" => "php",
        "swift" => "swift",
        "kotlin" | "kt" => "kotlin",
        "scala" => "scala",
        "html" | "htm" => "html",
        "css" | "scss" => "css",
        "haskell" | "hs" => "haskell",
        "r" | "rlang" => "r",
        _ => return None,
    })
}

/// A language that a word names.
#[derive(Debug, Clone, Copy)]
struct Named {
    language: Name,
    /// Whether the word is plain English too.
    is_everyday: bool,
}

/// Words that can be nothing but a language, or something of it.
const NAMES: [(Name, &str); 15] = [
    ("python", "python python3 django flask pytest pandas numpy"),
    ("rust", "tokio cargo serde"),
    ("typescript", "typescript tsx"),
    ("javascript", "javascript nodejs react jquery"),
    ("go", "golang goroutine goroutines"),
    ("java", "java junit"),
    ("cpp", "c++ cpp"),
    ("csharp", "c# csharp"),
    ("sql", "sql postgresql mysql sqlite"),
    ("php", "php"),
    ("kotlin", "kotlin"),
    ("html", "html"),
    ("css", "css"),
    ("bash", "bash"),
    ("haskell", "haskell"),
];

/// Plain English that can be a language too.
const EVERYDAY: [&str; 8] = ["go", "c", "r", "swift", "rust", "ruby", "scala", "shell"];

static NAMED: LazyLock<Table<Named>> = LazyLock::new(|| {
    let of = |language, is_everyday| Named {
        language,
        is_everyday,
    };
    let everyday = EVERYDAY
        .iter()
        .filter_map(|word| Some((*word, of(canonical(word)?, true))));
    let names = NAMES
        .iter()
        .flat_map(|(language, words)| words.split(' ').map(|word| (word, of(*language, false))));
    everyday.chain(names).collect()
});

/// Words beside which an everyday word is a language.
fn makes_a_language(word: &str) -> bool {
    matches!(
        word,
        "in" | "using"
            | "code"
            | "function"
            | "functions"
            | "program"
            | "script"
            | "class"
            | "method"
            | "struct"
            | "module"
            | "crate"
            | "package"
            | "file"
            | "snippet"
            | "goroutine"
            | "compiler"
            | "language"
            | "developer"
            | "idiomatic"
            | "test"
    )
}

/// Points collected per language while a text is read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally([u32; LANGUAGES.len()]);

impl Tally {
    /// Notes the tag of a fence.
    pub(crate) fn saw_tag(&mut self, tag: &str) {
        self.add(canonical(tag), TAG);
    }

    /// Notes a file's ending, without its dot.
    pub(crate) fn saw_ending(&mut self, ending: &str) {
        // `node.js` and `asp.net` are names, and `.c` or `.h` alone say little: all fine as hints.
        self.add(canonical(ending), NAME);
    }

    /// Notes a word, with its neighbours, where the word can be the name of a language.
    pub(crate) fn saw_word(&mut self, previous: &str, word: &str, next: &str) {
        let Some(named) = NAMED.get(word) else {
            return;
        };
        if named.is_everyday && !makes_a_language(previous) && !makes_a_language(next) {
            return;
        }
        self.add(Some(named.language), NAME);
    }

    /// Notes a line of code.
    pub(crate) fn saw_code(&mut self, line: &str) {
        for (language, signs) in SIGNS {
            if signs.iter().any(|sign| line.contains(sign)) {
                self.add(Some(language), SYNTAX);
            }
        }
    }

    /// The language with the most points, if it has enough.
    pub(crate) fn winner(&self) -> Option<Name> {
        let most = self
            .0
            .iter()
            .copied()
            .max()
            .filter(|most| *most >= ENOUGH)?;
        let index = self.0.iter().position(|points| *points == most)?;
        LANGUAGES.get(index).copied()
    }

    fn add(&mut self, language: Option<Name>, points: u32) {
        let index = LANGUAGES.iter().position(|known| Some(*known) == language);
        if let Some(total) = index.and_then(|index| self.0.get_mut(index)) {
            *total = total.saturating_add(points);
        }
    }
}

/// Pieces of text that hardly stand in another language's code.
const SIGNS: &[(Name, &[&str])] = &[
    (
        "python",
        &[
            "def ",
            "elif ",
            "self.",
            "__init__",
            "import numpy",
            "lambda x:",
            "print(",
        ],
    ),
    (
        "rust",
        &[
            "fn ",
            "let mut ",
            "impl ",
            "::<",
            "&mut ",
            "println!",
            ".unwrap()",
            "pub struct",
        ],
    ),
    (
        "typescript",
        &[
            "interface ",
            ": string",
            ": number",
            ": boolean",
            "export type ",
        ],
    ),
    (
        "javascript",
        &[
            "console.log",
            "=> {",
            "const ",
            "function ",
            "===",
            "require(",
        ],
    ),
    (
        "go",
        &[
            "func ",
            ":= ",
            "package main",
            "fmt.",
            "chan ",
            "err != nil",
        ],
    ),
    (
        "java",
        &[
            "public static void",
            "System.out",
            "public class ",
            "private final ",
            "@Override",
        ],
    ),
    (
        "cpp",
        &[
            "std::",
            "cout <<",
            "#include <iostream",
            "#include <vector",
            "template <",
        ],
    ),
    (
        "c",
        &[
            "#include <std",
            "printf(",
            "malloc(",
            "sizeof(",
            "int main(",
        ],
    ),
    (
        "csharp",
        &[
            "using System",
            "Console.WriteLine",
            "namespace ",
            "public async Task",
        ],
    ),
    (
        "bash",
        &["#!/bin/", "echo ", "; then", "$1", "grep ", "sudo "],
    ),
    (
        "sql",
        &[
            "SELECT ",
            "select ",
            "INSERT INTO",
            "CREATE TABLE",
            "GROUP BY",
            "LEFT JOIN",
        ],
    ),
    ("ruby", &["puts ", "attr_", "do |"]),
    ("php", &["<?php", "echo $", "->", "$this"]),
    ("html", &["<div", "<html", "</"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of_words(text: &str) -> Option<Name> {
        let words: Vec<_> = text.split(' ').collect();
        let mut tally = Tally::default();
        for (index, word) in words.iter().enumerate() {
            let previous = index.checked_sub(1).map_or("", |before| words[before]);
            tally.saw_word(previous, word, words.get(index + 1).unwrap_or(&""));
        }
        tally.winner()
    }

    #[test]
    fn many_names_lead_to_one() {
        for (name, expected) in [("PY", "python"), ("C++", "cpp"), ("tsx", "typescript")] {
            assert_eq!(canonical(name), Some(expected));
        }
        assert_eq!(canonical("cobol"), None);
    }

    #[test]
    fn everyday_words_need_a_neighbour_that_makes_them_a_language() {
        assert_eq!(of_words("where shall we go today"), None);
        assert_eq!(of_words("write it in go please"), Some("go"));
        assert_eq!(of_words("a rust crate for dates"), Some("rust"));
        assert_eq!(of_words("vitamin c is healthy"), None);
    }

    #[test]
    fn syntax_alone_is_enough_when_there_is_some_of_it() {
        let mut tally = Tally::default();
        tally.saw_code("fn main() {");
        assert_eq!(tally.winner(), None);
        tally.saw_code("    let mut total = 0;");
        assert_eq!(tally.winner(), Some("rust"));
    }

    #[test]
    fn a_fence_tag_outweighs_a_name() {
        let mut tally = Tally::default();
        tally.saw_tag("go");
        tally.saw_word("from", "python", "to");
        assert_eq!(tally.winner(), Some("go"));
    }
}
