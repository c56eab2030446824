//! Money as integers: nano-USD, prices per million tokens, and the one function between them.
#![deny(clippy::float_arithmetic)]

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use crate::usage::Usage;

/// Nano-USD in one US dollar.
const NANOS_PER_USD: i64 = 1_000_000_000;
/// Prices are quoted for this many tokens.
const TOKENS_PER_PRICE: i128 = 1_000_000;

/// An amount of money in billionths of a US dollar; signed, because savings can be negative.
///
/// Arithmetic saturates: at ±9.2 billion dollars a wrong total is still a huge one, never a
/// small one that slips under a budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(i64);

impl NanoUsd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Wraps an amount already in nano-USD.
    #[must_use]
    pub const fn new(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-USD.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whether this is exactly nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Adds, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Subtracts, saturating; may go below zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for NanoUsd {
    /// Dollars with at least six decimals, and as many more (up to nine) as the amount needs, so
    /// that no spent money ever reads as `$0.000000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let (dollars, rest) = (
            nanos / NANOS_PER_USD.unsigned_abs(),
            nanos % NANOS_PER_USD.unsigned_abs(),
        );
        let decimals = format!("{rest:09}");
        let kept = decimals.trim_end_matches('0').len().max(6);
        write!(f, "{sign}${dollars}.{}", &decimals[..kept])
    }
}

/// A text that is no amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no amount in US dollars with at most nine decimals, as 12.50")]
pub struct InvalidAmount(pub String);

impl FromStr for NanoUsd {
    type Err = InvalidAmount;

    /// Reads decimal dollars (`10`, `0.25`, `-1.5`) exactly; refuses more than nine decimals.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidAmount(text.to_owned());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || decimals.len() > 9 || !all_digits(whole) || !all_digits(decimals) {
            return Err(invalid());
        }
        let dollars: i64 = whole.parse().map_err(|_| invalid())?;
        let nanos: i64 = format!("{decimals:0<9}").parse().map_err(|_| invalid())?;
        let amount = dollars
            .checked_mul(NANOS_PER_USD)
            .and_then(|amount| amount.checked_add(nanos))
            .ok_or_else(invalid)?;
        Ok(Self(if negative { -amount } else { amount }))
    }
}

/// What a model costs. Token prices are nano-USD per million tokens; never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// Per million input tokens that were not read from a cache.
    pub input: NanoUsd,
    /// Per million output tokens, reasoning tokens among them.
    pub output: NanoUsd,
    /// Per million input tokens read from the backend's prompt cache.
    pub cache_read: NanoUsd,
    /// Per million input tokens written to the backend's prompt cache.
    pub cache_write: NanoUsd,
    /// Per call, whatever its size.
    pub per_request: NanoUsd,
}

impl Price {
    /// A model that costs nothing per call.
    pub const FREE: Self = Self {
        input: NanoUsd::ZERO,
        output: NanoUsd::ZERO,
        cache_read: NanoUsd::ZERO,
        cache_write: NanoUsd::ZERO,
        per_request: NanoUsd::ZERO,
    };

    /// A price per million input and output tokens; cache reads and writes cost as input.
    #[must_use]
    pub const fn per_million(input: NanoUsd, output: NanoUsd) -> Self {
        Self {
            input,
            output,
            cache_read: input,
            cache_write: input,
            per_request: NanoUsd::ZERO,
        }
    }

    /// Whether every part is zero.
    #[must_use]
    pub fn is_free(self) -> bool {
        self == Self::FREE
    }

    /// What `usage` costs: the one place where tokens become money.
    ///
    /// Parts are summed exactly (128 bits) and the total is rounded up to the next nano-USD, so
    /// a bill is never below what was used. Saturates at the largest amount.
    #[must_use]
    pub fn cost(self, usage: Usage) -> NanoUsd {
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        let written = usage.cache_write_tokens.min(usage.input_tokens - cached);
        let plain = usage.input_tokens - cached - written;
        let part = |tokens: u64, price: NanoUsd| i128::from(tokens) * i128::from(price.get());
        let tokens = part(plain, self.input)
            + part(cached, self.cache_read)
            + part(written, self.cache_write)
            + part(usage.output_tokens, self.output);
        let rounded_up = (tokens + TOKENS_PER_PRICE - 1).div_euclid(TOKENS_PER_PRICE);
        let total = rounded_up + i128::from(self.per_request.get());
        NanoUsd::new(i64::try_from(total).unwrap_or(i64::MAX))
    }

    /// The most a call can cost when neither side uses a cache discount: input at the dearest of
    /// the three input prices.
    #[must_use]
    pub fn worst_case(self, input_tokens: u64, output_tokens: u64) -> NanoUsd {
        let dearest = Self {
            input: self.input.max(self.cache_read).max(self.cache_write),
            ..self
        };
        dearest.cost(Usage {
            input_tokens,
            output_tokens,
            ..Usage::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(text: &str) -> NanoUsd {
        text.parse().unwrap()
    }

    #[test]
    fn ten_thousand_in_and_a_thousand_out_at_3_and_15_cost_four_and_a_half_cents() {
        let price = Price::per_million(usd("3"), usd("15"));
        let usage = Usage {
            input_tokens: 10_000,
            output_tokens: 1_000,
            ..Usage::default()
        };
        assert_eq!(price.cost(usage), usd("0.045"));
    }

    #[test]
    fn cached_tokens_are_priced_as_cached_and_not_twice() {
        let price = Price {
            cache_read: usd("0.3"),
            ..Price::per_million(usd("3"), usd("15"))
        };
        let usage = Usage {
            input_tokens: 1_000_000,
            cached_input_tokens: 900_000,
            ..Usage::default()
        };
        assert_eq!(price.cost(usage), usd("0.57"));
    }

    #[test]
    fn a_sub_nano_cost_is_rounded_up_not_away() {
        let price = Price::per_million(NanoUsd::new(1), NanoUsd::ZERO);
        let usage = Usage {
            input_tokens: 1,
            ..Usage::default()
        };
        assert_eq!(price.cost(usage), NanoUsd::new(1));
    }

    #[test]
    fn small_amounts_never_read_as_nothing() {
        assert_eq!(NanoUsd::ZERO.to_string(), "$0.000000");
        assert_eq!(NanoUsd::new(1).to_string(), "$0.000000001");
        assert_eq!(usd("-1.5").to_string(), "-$1.500000");
        assert_eq!(usd("12.3456789").to_string(), "$12.3456789");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "-", ".5", "1e3", "1.0000000001", "9999999999999", "NaN"] {
            assert!(text.parse::<NanoUsd>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_amount_round_trip(nanos in -(i64::MAX)..i64::MAX) {
            let amount = NanoUsd::new(nanos);
            let text = amount.to_string().replace('$', "");
            prop_assert_eq!(text.parse::<NanoUsd>().unwrap(), amount);
        }

        #[test]
        fn the_worst_case_is_never_below_the_cost(
            input in 0u64..10_000_000, output in 0u64..1_000_000,
            cached in 0u64..10_000_000, written in 0u64..10_000_000,
            prices in prop::array::uniform5(0i64..100_000_000_000),
        ) {
            let [i, o, r, w, q] = prices.map(NanoUsd::new);
            let price = Price { input: i, output: o, cache_read: r, cache_write: w, per_request: q };
            let usage = Usage {
                input_tokens: input, output_tokens: output,
                cached_input_tokens: cached, cache_write_tokens: written, ..Usage::default()
            };
            prop_assert!(price.worst_case(input, output) >= price.cost(usage));
        }
    }
}
