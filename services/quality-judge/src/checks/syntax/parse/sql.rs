//! SQL through a parser of its dialects.
//!
//! Right is what one of the common dialects takes. The parser stops at the first error, so all
//! behind it counts as not fitting. It knows no clock: what is long, nested deep, or a program
//! inside the database is left alone instead.

use sqlparser::dialect::{
    Dialect, GenericDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect,
};
use sqlparser::parser::{Parser, ParserError};

use super::Parsed;

/// How much SQL is parsed.
const MAX_BYTES: usize = 8 * 1024;
/// How deep parentheses may go, and how deep the parser may recur for them.
const MAX_DEPTH: usize = 12;
const MAX_RECURSION: usize = 16;
/// Operators in a row become a tree as deep as they are many, and that tree is dropped recursively.
const MAX_TOKENS: usize = 2000;
/// Stored programs have as many languages as there are databases.
const PROGRAMS: [&str; 5] = [
    "delimiter ",
    " procedure ",
    " function ",
    " trigger ",
    "begin",
];

pub(super) fn parse(code: &str) -> Parsed {
    if code.len() > MAX_BYTES || depth(code) > MAX_DEPTH {
        return Parsed::Unclear;
    }
    let dialects: [&dyn Dialect; 5] = [
        &GenericDialect {},
        &PostgreSqlDialect {},
        &MySqlDialect {},
        &SQLiteDialect {},
        &MsSqlDialect {},
    ];
    let mut first = None;
    for dialect in dialects {
        match with(dialect, code) {
            Ok(()) => return Parsed::Clean,
            Err(ParserError::RecursionLimitExceeded) => return Parsed::Unclear,
            Err(ParserError::ParserError(message) | ParserError::TokenizerError(message)) => {
                first.get_or_insert(message);
            }
        }
    }
    let lower = code.to_ascii_lowercase();
    if PROGRAMS.iter().any(|program| lower.contains(program)) {
        return Parsed::Unclear;
    }
    broken(code, line_of(&first.unwrap_or_default()))
}

fn with(dialect: &dyn Dialect, code: &str) -> Result<(), ParserError> {
    let mut parser = Parser::new(dialect)
        .with_recursion_limit(MAX_RECURSION)
        .try_with_sql(code)?;
    if parser.peek_nth_token(MAX_TOKENS).token != sqlparser::tokenizer::Token::EOF {
        return Err(ParserError::RecursionLimitExceeded);
    }
    parser.parse_statements().map(drop)
}

/// How deep parentheses go, those in quotes among them.
fn depth(code: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for byte in code.bytes() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// The line that a message of the parser names; the first where it names none.
fn line_of(message: &str) -> usize {
    let behind = message.split("Line: ").nth(1).unwrap_or_default();
    let digits = behind.split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(1)
}

fn broken(code: &str, line: usize) -> Parsed {
    let before: usize = code
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let share = 1.0 - before as f64 / code.len().max(1) as f64;
    Parsed::Broken { share, line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_common_dialect_is_right() {
        for code in [
            "SELECT name FROM users WHERE age > 30 ORDER BY name LIMIT 10;",
            "SELECT TOP 5 [name] FROM users",
            "INSERT INTO `users` (`a`) VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
            "INSERT INTO users (a) VALUES ($1) ON CONFLICT (a) DO NOTHING RETURNING id",
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL)",
            "-- first\nWITH x AS (SELECT 1 AS a) SELECT count(*) FROM x;\nSELECT 2",
            "UPDATE t SET a = ? WHERE id = :id",
        ] {
            assert_eq!(parse(code), Parsed::Clean, "{code}");
        }
    }

    #[test]
    fn the_line_of_an_error_is_told_and_what_stands_behind_it_does_not_fit() {
        let Parsed::Broken { share, line } = parse("SELECT 1;\nSELECT FROM WHERE") else {
            panic!("it parses");
        };
        assert_eq!(line, 2);
        assert!((0.5..0.7).contains(&share), "{share}");
        assert!(matches!(
            parse("SELEC name FROM users"),
            Parsed::Broken { .. }
        ));
    }

    #[test]
    fn stored_programs_and_what_is_long_or_deep_are_left_alone() {
        let program = "CREATE PROCEDURE p() LANGUAGE x AS weird { things }";
        assert_eq!(parse(program), Parsed::Unclear);
        let sum = format!("SELECT 1{}", "+1".repeat(3000));
        assert_eq!(parse(&sum), Parsed::Unclear);
        let deep = format!("SELECT {}1", "(".repeat(500));
        assert_eq!(parse(&deep), Parsed::Unclear);
    }

    #[test]
    fn what_just_fits_fits_the_stack_and_comes_to_an_end() {
        let nested = |open: &str, close: &str| {
            let (open, close) = (open.repeat(MAX_DEPTH), close.repeat(MAX_DEPTH));
            format!("SELECT * FROM t WHERE a = {open}1{close}")
        };
        for code in [
            format!("SELECT 1{}", "+1".repeat(980)),
            format!("SELECT 1{}", " UNION SELECT 1".repeat(480)),
            nested("(", ")"),
            nested("(SELECT ", ")"),
            nested("f(", ""),
            format!("SELECT * FROM {}a", "(".repeat(MAX_DEPTH)),
            format!("SELECT {}", "NOT ".repeat(900)),
            format!("SELECT {}1", "CASE WHEN ".repeat(300)),
            format!("SELECT {}1", "- ".repeat(900)),
        ] {
            let _any = parse(&code);
        }
    }
}
