//! Usage and prices.

use terrace_domain::{NanoUsd, Price, Usage};

use crate::common::v1 as wire;

/// A model message that breaks a rule of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model.{field}: {why}")]
pub struct InvalidModel {
    /// The wrong field.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

impl From<Usage> for wire::Usage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            estimated: usage.estimated,
        }
    }
}

impl From<wire::Usage> for Usage {
    fn from(usage: wire::Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            estimated: usage.estimated,
        }
    }
}

impl From<Price> for wire::Price {
    fn from(price: Price) -> Self {
        Self {
            input_nano_usd: price.input.get(),
            output_nano_usd: price.output.get(),
            cache_read_nano_usd: price.cache_read.get(),
            cache_write_nano_usd: price.cache_write.get(),
            per_request_nano_usd: price.per_request.get(),
            version: String::new(),
            gpu_hour_nano_usd: 0,
        }
    }
}

impl TryFrom<&wire::Price> for Price {
    type Error = InvalidModel;

    /// Refuses negative prices: they would make a budget grow by being used.
    fn try_from(price: &wire::Price) -> Result<Self, Self::Error> {
        let part = |nanos: i64| {
            (nanos >= 0)
                .then(|| NanoUsd::new(nanos))
                .ok_or(InvalidModel {
                    field: "price",
                    why: "a price is never negative",
                })
        };
        Ok(Self {
            input: part(price.input_nano_usd)?,
            output: part(price.output_nano_usd)?,
            cache_read: part(price.cache_read_nano_usd)?,
            cache_write: part(price.cache_write_nano_usd)?,
            per_request: part(price.per_request_nano_usd)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_round_trip_and_negative_ones_are_refused() {
        let price = Price::per_million(NanoUsd::new(3), NanoUsd::new(15));
        let mut wire = wire::Price::from(price);
        assert_eq!(Price::try_from(&wire), Ok(price));
        wire.output_nano_usd = -1;
        assert!(Price::try_from(&wire).is_err());
    }

    #[test]
    fn usage_round_trips() {
        let usage = Usage {
            input_tokens: 1,
            output_tokens: 2,
            cached_input_tokens: 3,
            cache_write_tokens: 4,
            reasoning_tokens: 5,
            estimated: true,
        };
        assert_eq!(Usage::from(wire::Usage::from(usage)), usage);
    }
}
