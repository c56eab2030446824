//! JSON in answers, in one way of writing it.

use serde_json::{Number, Value};

/// The JSON value that `text` is, alone or in a fenced block, with sorted keys, no space and one
/// way of writing each number; `None` when it is none.
pub(super) fn canonical(text: &str) -> Option<String> {
    let text = text.trim();
    let value = serde_json::from_str(text).or_else(|error| fenced(text).ok_or(error));
    value.ok().map(|value| one_way(value).to_string())
}

/// The value inside the first fenced block of `text`.
fn fenced(text: &str) -> Option<Value> {
    let (_, block) = text.split_once("```")?;
    let (_language, inner) = block.split_once('\n')?;
    let (inner, _) = inner.split_once("```")?;
    serde_json::from_str(inner.trim()).ok()
}

/// Writes 1.0 and 1e0 as 1; keys are sorted already, because that is how the map is kept.
fn one_way(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(&number).unwrap_or(number)),
        Value::Array(items) => items.into_iter().map(one_way).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            let fields = fields.into_iter();
            fields.map(|(name, value)| (name, one_way(value))).collect()
        }
        other => other,
    }
}

/// A number without a fraction as a whole one, as far as floats are exact.
fn whole(number: &Number) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = number.as_f64().filter(|_| number.is_f64())?;
    if value.fract() != 0.0 || value.abs() > EXACT {
        return None;
    }
    // In range, as has been checked; there is no other way from a float to a whole number.
    format!("{value:.0}").parse::<i64>().ok().map(Number::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_space_fences_and_ways_of_writing_numbers_do_not_change_a_value() {
        let same = [
            r#"{"a": 1, "b": [true, null]}"#,
            "{\"b\":[true,null],\n \"a\":1.0}",
            "```json\n{\"a\":1e0,\"b\":[true,null]}\n```",
            "Here it is:\n```\n{\"a\":1,\"b\":[true,null]}\n```\nDone.",
        ];
        for text in same {
            assert_eq!(canonical(text), canonical(same[0]), "{text}");
        }
        assert_eq!(
            canonical(same[0]).as_deref(),
            Some(r#"{"a":1,"b":[true,null]}"#)
        );
        assert_eq!(canonical("-0.0"), canonical("0"));
    }

    #[test]
    fn other_values_are_others_and_no_json_is_none() {
        assert_ne!(canonical("[1, 2]"), canonical("[2, 1]"));
        assert_ne!(canonical("1"), canonical("1.5"));
        assert_ne!(canonical("\"1\""), canonical("1"));
        for text in ["", "one", "{", "```\nno\n```"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
