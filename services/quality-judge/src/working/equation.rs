//! Equations between numbers, and whether they are right.
//!
//! An equation is what stands on one line around an `=`: numbers, signs of arithmetic and
//! parentheses on its left, and on its right a number or the same again. Every sign has to have its
//! numbers, so that half an equation with a variable is none.

use super::numbers;
use super::{MAX_EQUATIONS, end_of, same};

/// How many bytes a side may have.
const MAX_SIDE_BYTES: usize = 120;
/// How deep parentheses may go.
const MAX_DEPTH: usize = 16;
/// Results may be rounded by as much.
const ROUNDED: f64 = 0.011;

/// One equation of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Equation {
    /// The numbers on its left.
    pub operands: Vec<f64>,
    /// What the left comes to.
    pub value: f64,
    /// What the answer says that it comes to.
    pub claimed: f64,
    /// The number of the line it stands in, counted from 1.
    pub line: usize,
}

impl Equation {
    /// Whether it is right, rounding allowed.
    #[must_use]
    pub fn holds(&self) -> bool {
        (self.value - self.claimed).abs() <= ROUNDED * self.value.abs().max(1.0)
    }

    /// Whether it is right only with rounding.
    #[must_use]
    pub fn is_rounded(&self) -> bool {
        self.holds() && !same(self.value, self.claimed)
    }
}

/// The equations of a text, in order.
#[must_use]
pub fn equations(text: &str) -> Vec<Equation> {
    let mut found = Vec::new();
    for (index, line) in end_of(text).lines().enumerate() {
        let line = without_calculator(line);
        for (at, _) in line.match_indices('=') {
            if found.len() == MAX_EQUATIONS {
                return found;
            }
            let equation = around(&line, at);
            found.extend(equation.map(|equation| Equation {
                line: index + 1,
                ..equation
            }));
        }
    }
    found
}

/// A line without `<<3+4=7>>`, which some models write beside each step.
fn without_calculator(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once("<<") {
        clean.push_str(before);
        rest = behind.split_once(">>").map_or("", |(_, behind)| behind);
    }
    clean.push_str(rest);
    clean
}

fn around(line: &str, at: usize) -> Option<Equation> {
    let left = side_before(&line[..at])?;
    let (value, operands) = evaluated(left)?;
    if operands.len() < 2 {
        return None;
    }
    let right = line[at + 1..].trim_start_matches([' ', '$', '€', '£', '*']);
    let negative = right.starts_with('-');
    let unsigned = right.trim_start_matches('-').trim_start_matches(['$', ' ']);
    let (number, behind) = numbers::leading(unsigned)?;
    let percent = behind.starts_with('%');
    let named =
        behind.starts_with(|c: char| c.is_alphabetic() && !matches!(c, 'x' | 'm' | 'k' | 'c'));
    if named || behind.trim_start().starts_with("remainder") {
        return None;
    }
    let mut claimed = if negative { -number } else { number };
    if percent && !same(value, claimed) {
        claimed /= 100.0;
    }
    // `3 * 4 = 6 * 2` says that both sides are the same, `3 * 4 = 12 * 2 = 24` goes on.
    if !same(value, claimed)
        && let Some((whole, _)) = side_behind(right).and_then(evaluated)
        && same(value, whole)
    {
        claimed = whole;
    }
    Some(Equation {
        operands,
        value,
        claimed,
        line: 0,
    })
}

const fn is_arithmetic(c: char) -> bool {
    matches!(
        c,
        '0'..='9'
            | ' '
            | '.'
            | ','
            | '+'
            | '-'
            | '*'
            | '/'
            | '('
            | ')'
            | '$'
            | '%'
            | 'x'
            | '×'
            | '÷'
            | '−'
    )
}

/// The end of `before` that is arithmetic; none where a name goes straight into it.
fn side_before(before: &str) -> Option<&str> {
    let begin = before
        .char_indices()
        .rev()
        .find(|(_, c)| !is_arithmetic(*c))
        .map_or(0, |(at, c)| at + c.len_utf8());
    let side = &before[begin..];
    // A dash or a star before the first number of a line is a bullet.
    let side = match side.trim_start() {
        bulleted if begin == 0 => bulleted
            .strip_prefix("- ")
            .or_else(|| bulleted.strip_prefix("* "))
            .unwrap_or(side),
        _ => side,
    };
    let named = before[..begin].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '^' | '_'))
        && !side.starts_with([' ', '(']);
    (!named && side.len() <= MAX_SIDE_BYTES).then_some(side)
}

fn side_behind(behind: &str) -> Option<&str> {
    let end = behind.find(|c: char| !is_arithmetic(c));
    let side = &behind[..end.unwrap_or(behind.len())];
    (side.len() <= MAX_SIDE_BYTES).then_some(side)
}

/// A piece of an equation.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Piece {
    Number(f64),
    Sign(char),
}

/// What a side comes to and the numbers in it. Of `In 2020, 3 + 4` the part that belongs together
/// is read: where a number follows a number, a new one begins.
fn evaluated(side: &str) -> Option<(f64, Vec<f64>)> {
    let pieces = pieces(side)?;
    let breaks = |pair: &[Piece]| {
        matches!(
            pair,
            [Piece::Number(_) | Piece::Sign(')'), Piece::Number(_)]
        ) || matches!(pair, [Piece::Number(_), Piece::Sign('(')])
    };
    let begin = pieces.windows(2).rposition(breaks).map_or(0, |at| at + 1);
    let expression = pieces.get(begin..)?;
    let mut reader = Reader {
        pieces: expression,
        depth: 0,
    };
    let value = reader.sum()?;
    let operands: Vec<f64> = expression
        .iter()
        .filter_map(|piece| match piece {
            Piece::Number(number) => Some(*number),
            Piece::Sign(_) => None,
        })
        .collect();
    (reader.pieces.is_empty() && value.is_finite()).then_some((value, operands))
}

fn pieces(side: &str) -> Option<Vec<Piece>> {
    let mut rest = side;
    let mut pieces = Vec::new();
    while let Some(c) = rest.chars().next() {
        if let Some((number, behind)) = numbers::leading(rest) {
            let percent = behind.strip_prefix('%');
            pieces.push(Piece::Number(if percent.is_some() {
                number / 100.0
            } else {
                number
            }));
            rest = percent.unwrap_or(behind);
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            ' ' | '$' | ',' | '.' => {}
            'x' | '×' => pieces.push(Piece::Sign('*')),
            '÷' => pieces.push(Piece::Sign('/')),
            '−' => pieces.push(Piece::Sign('-')),
            '+' | '-' | '*' | '/' | '(' | ')' => pieces.push(Piece::Sign(c)),
            _ => return None,
        }
    }
    Some(pieces)
}

/// Reads pieces from the left, as one does: products before sums, parentheses first.
struct Reader<'a> {
    pieces: &'a [Piece],
    depth: usize,
}

impl Reader<'_> {
    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        while let Some(sign) = self.sign(['+', '-']) {
            let next = self.product()?;
            value += if sign == '+' { next } else { -next };
        }
        Some(value)
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.operand()?;
        while let Some(sign) = self.sign(['*', '/']) {
            let next = self.operand()?;
            value = if sign == '*' {
                value * next
            } else {
                value / next
            };
        }
        Some(value)
    }

    fn operand(&mut self) -> Option<f64> {
        let (first, rest) = self.pieces.split_first()?;
        self.pieces = rest;
        match first {
            Piece::Number(number) => Some(*number),
            Piece::Sign('(') if self.depth < MAX_DEPTH => {
                self.depth += 1;
                let value = self.sum()?;
                self.depth -= 1;
                self.sign([')', ')'])?;
                Some(value)
            }
            Piece::Sign(_) => None,
        }
    }

    fn sign(&mut self, wanted: [char; 2]) -> Option<char> {
        match self.pieces.split_first()? {
            (Piece::Sign(sign), rest) if wanted.contains(sign) => {
                self.pieces = rest;
                Some(*sign)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each equation as what it says and whether it holds.
    fn read(text: &str) -> Vec<(f64, bool)> {
        let read = |one: &Equation| (one.claimed, one.holds());
        equations(text).iter().map(read).collect()
    }

    #[test]
    fn equations_are_found_where_they_stand() {
        assert_eq!(read("So 3 + 4 = 7 apples"), [(7.0, true)]);
        assert_eq!(read("15 + 25 = <<15+25=41>>41"), [(41.0, false)]);
        assert_eq!(read("3 x $16.50 = $49.50"), [(49.5, true)]);
        assert_eq!(read("In 2020, 3 + 4 = 8"), [(8.0, false)]);
        assert_eq!(read("(12 / 20) x 100 = 60%"), [(60.0, true)]);
        assert_eq!(
            read("1. 2 * (3 + 4) = 14\n- 5 + 3 = 8"),
            [(14.0, true), (8.0, true)]
        );
        assert_eq!(read("10 * 2/3 = 6.67"), [(6.67, true)]);
        assert_eq!(read("25% * 80 = 20"), [(20.0, true)]);
    }

    #[test]
    fn chains_go_on_and_equal_sides_are_equal() {
        assert_eq!(read("3 * 4 = 12 * 2 = 24"), [(12.0, true), (24.0, true)]);
        assert_eq!(read("3 * 4 = 6 * 2"), [(12.0, true)]);
    }

    #[test]
    fn what_is_not_plainly_arithmetic_is_no_equation() {
        for text in [
            "7x + 11x = 162",
            "a - 3 + 4 = 9",
            "2x + 3 + 4 = 9",
            "x = 9",
            "10^3 + 1 = 1001",
            "5 miles * 3 hours = 12",
            "7 / 2 = 3 remainder 1",
            "a = b + 4 == 7",
            "= 5",
            "3 + = 4",
        ] {
            assert_eq!(read(text), [], "{text}");
        }
    }

    #[test]
    fn the_line_is_told() {
        assert_eq!(equations("One.\n3 + 4 = 8")[0].line, 2);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_right_sums_hold(
            text in "(?s)[0-9+*/().,=x$% a-zé<>-]{0,200}", a in 0_u32..100_000, b in 0_u32..100_000,
        ) {
            let _any = equations(&text);
            let right = format!("{a} + {b} = {}", a + b);
            prop_assert!(equations(&right)[0].holds());
        }
    }
}
