//! How big a schema is, with its references written out.
//!
//! References make a short schema long: thirty definitions that each refer twice to the next are
//! two to the thirtieth checks of one value. So the schema is unfolded on paper first, each part
//! counted once and multiplied. References into other documents, and the keywords that rename
//! places so that a reference would mean another one, are not allowed.

use std::collections::HashMap;

use serde_json::Value;

use super::InvalidSchema;

/// How many values there may be when every reference is written out.
const MAX_UNFOLDED: u64 = 100_000;
/// How deep they may nest then.
const MAX_DEPTH: usize = 64;
/// How many regular expressions there may be: each takes memory and time to compile.
const MAX_PATTERNS: usize = 32;

/// What a part of a schema comes to.
#[derive(Debug, Clone, Copy)]
struct Extent {
    values: u64,
    height: usize,
}

/// Refuses a schema that is too big.
pub(super) fn check(schema: &Value) -> Result<(), InvalidSchema> {
    let mut bounds = Bounds {
        root: schema,
        known: HashMap::new(),
        patterns: 0,
    };
    bounds.extent(schema, 0)?;
    if bounds.patterns > MAX_PATTERNS {
        return Err(InvalidSchema::TooBig);
    }
    Ok(())
}

struct Bounds<'a> {
    root: &'a Value,
    /// By address within the schema; `None` while it is being counted.
    known: HashMap<usize, Option<Extent>>,
    patterns: usize,
}

impl<'a> Bounds<'a> {
    /// What `part` comes to, `depth` levels below the root.
    fn extent(&mut self, part: &'a Value, depth: usize) -> Result<Extent, InvalidSchema> {
        let leaf = Extent {
            values: 1,
            height: 1,
        };
        let address = std::ptr::from_ref(part).addr();
        match self.known.get(&address) {
            // A recursive schema: the validator remembers what it has checked there.
            Some(None) => return Ok(leaf),
            Some(Some(extent)) => return within(*extent, depth),
            None => self.known.insert(address, None),
        };
        let mut total = within(leaf, depth)?;
        for inner in self.inner(part)? {
            let extent = self.extent(inner, depth + 1)?;
            total.values = total.values.saturating_add(extent.values);
            total.height = total.height.max(extent.height + 1);
        }
        self.known.insert(address, Some(total));
        within(total, depth)
    }

    /// Everything directly below `part`, with what it refers to.
    fn inner(&mut self, part: &'a Value) -> Result<Vec<&'a Value>, InvalidSchema> {
        match part {
            Value::Array(items) => Ok(items.iter().collect()),
            Value::Object(fields) => {
                let mut inner: Vec<_> = fields.values().collect();
                for (name, field) in fields {
                    inner.extend(self.referred(name, field)?);
                }
                Ok(inner)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Vec::new()),
        }
    }

    /// What a keyword refers to; counts patterns on the way.
    fn referred(&mut self, name: &str, field: &Value) -> Result<Option<&'a Value>, InvalidSchema> {
        match (name, field) {
            ("pattern", Value::String(_)) => self.patterns += 1,
            ("patternProperties", Value::Object(patterns)) => self.patterns += patterns.len(),
            ("$ref", Value::String(reference)) => {
                let target = reference.strip_prefix('#');
                let target = target.and_then(|pointer| self.root.pointer(pointer));
                return target.map(Some).ok_or(InvalidSchema::Reference);
            }
            ("$dynamicRef" | "$recursiveRef" | "$anchor" | "$dynamicAnchor", Value::String(_)) => {
                return Err(InvalidSchema::Reference);
            }
            ("$id" | "id", Value::String(_)) if !self.is_at_root(field) => {
                return Err(InvalidSchema::Reference);
            }
            _ => (),
        }
        Ok(None)
    }

    /// The root may have a name: references within it are still its own.
    fn is_at_root(&self, field: &Value) -> bool {
        let at_root = |key| {
            self.root
                .get(key)
                .is_some_and(|own| std::ptr::eq(own, field))
        };
        at_root("$id") || at_root("id")
    }
}

const fn within(extent: Extent, depth: usize) -> Result<Extent, InvalidSchema> {
    if extent.values > MAX_UNFOLDED || depth + extent.height > MAX_DEPTH {
        return Err(InvalidSchema::TooBig);
    }
    Ok(extent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_counted_as_often_as_they_are_made() {
        let chain = |length: usize, times: usize| {
            let mut definitions = serde_json::Map::new();
            for n in 0..length {
                let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
                definitions.insert(format!("d{n}"), json!({"allOf": vec![next; times]}));
            }
            definitions.insert(format!("d{length}"), json!(true));
            check(&json!({"$defs": definitions, "$ref": "#/$defs/d0"}))
        };
        assert_eq!(chain(10, 2), Ok(()));
        assert_eq!(chain(20, 2), Err(InvalidSchema::TooBig));
        assert_eq!(chain(1000, 1), Err(InvalidSchema::TooBig));
    }

    #[test]
    fn recursive_schemas_are_fine() {
        let tree = json!({"type": "object", "properties": {
            "left": {"$ref": "#"}, "right": {"$ref": "#"},
        }});
        assert_eq!(check(&tree), Ok(()));
    }

    #[test]
    fn depth_and_patterns_are_bounded() {
        let mut deep = json!(true);
        for _ in 0..MAX_DEPTH {
            deep = json!({"not": deep});
        }
        assert_eq!(check(&deep), Err(InvalidSchema::TooBig));
        let patterns: serde_json::Map<_, _> = (0..40)
            .map(|n| (format!("p{n}"), json!({"pattern": "^a$"})))
            .collect();
        let patterns = json!({"properties": patterns});
        assert_eq!(check(&patterns), Err(InvalidSchema::TooBig));
    }

    #[test]
    fn references_elsewhere_are_refused() {
        for schema in [
            json!({"$ref": "http://127.0.0.1:1/schema.json"}),
            json!({"$ref": "#/nowhere"}),
            json!({"properties": {"a": {"$id": "http://x.test/", "type": "string"}}}),
            json!({"$dynamicRef": "#a"}),
        ] {
            assert_eq!(check(&schema), Err(InvalidSchema::Reference), "{schema}");
        }
        let named = json!({"$id": "http://x.test/", "properties": {"id": {"type": "string"}}});
        assert_eq!(check(&named), Ok(()));
    }
}
