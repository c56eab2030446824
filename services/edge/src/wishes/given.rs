//! One value of a wish, from a header or from JSON: `0.8` and `"0.8"` are alike.

use std::time::Duration;

use serde_json::Value;
use terrace_config::value::parse_duration;

/// A value as it was given.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    /// In a header.
    Text(&'a str),
    /// In a body.
    Json(&'a Value),
}

impl Given<'_> {
    pub(super) const fn is_null(self) -> bool {
        matches!(self, Self::Json(Value::Null))
    }

    /// A single value as text.
    pub(super) fn text(self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.trim().to_owned()),
            Self::Json(Value::String(text)) => Ok(text.clone()),
            Self::Json(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
            Self::Json(_) => Err("has to be a single value".to_owned()),
        }
    }

    pub(super) fn number(self) -> Result<f64, String> {
        let number = self.text()?.parse();
        number.map_err(|_| "has to be a number".to_owned())
    }

    pub(super) fn whole(self) -> Result<u32, String> {
        let number = self.text()?.parse();
        number.map_err(|_| "has to be a whole number".to_owned())
    }

    pub(super) fn boolean(self) -> Result<bool, String> {
        match self.text()?.as_str() {
            "true" | "on" => Ok(true),
            "false" | "off" => Ok(false),
            _ => Err("has to be true or false".to_owned()),
        }
    }

    /// A span of time: `500ms`, `30s`, `2m`; a bare number is seconds.
    pub(super) fn span(self) -> Result<Duration, String> {
        let span = parse_duration(&self.text()?);
        span.ok_or_else(|| "has to be a duration as `500ms`, `30s` or `2m`".to_owned())
    }

    /// Several values: a list, or a text with commas.
    pub(super) fn list(self) -> Result<Vec<String>, String> {
        if let Self::Json(Value::Array(items)) = self {
            return items.iter().map(|item| Given::Json(item).text()).collect();
        }
        let text = self.text()?;
        let items = text.split(',').map(str::trim);
        Ok(items
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// Names with values: an object, or a text as `team=search,topic=caching`.
    pub(super) fn pairs(self) -> Result<Vec<(String, String)>, String> {
        if let Self::Json(Value::Object(items)) = self {
            let pair =
                |(name, value): (&String, &Value)| Ok((name.clone(), Given::Json(value).text()?));
            return items.iter().map(pair).collect();
        }
        let pair = |item: String| {
            let (name, value) = item
                .split_once('=')
                .ok_or("has to be written as `name=value,name=value`")?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        };
        self.list()?.into_iter().map(pair).collect()
    }
}
