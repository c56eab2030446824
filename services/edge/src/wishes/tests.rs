use super::*;
use http::HeaderValue;
use serde_json::json;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (
            http::HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    pairs.iter().map(pair).collect()
}

fn read(headers: &HeaderMap, terrace: &Value, metadata: &Value) -> Result<Wishes, String> {
    let mut noted = Violations::new();
    let told = Told {
        terrace: terrace.as_object(),
        metadata: metadata.as_object(),
    };
    let wishes = Wishes::read(headers, told, &mut noted);
    noted.finish().map_err(|failure| failure.message)?;
    Ok(wishes)
}

#[test]
fn headers_hold_before_the_object_and_that_before_metadata() {
    let headers = headers(&[("x-terrace-action", "from_header")]);
    let terrace = json!({"action": "from_object", "tier": "local_fast"});
    let metadata = json!({"terrace_action": "a", "terrace_tier": "b", "terrace_hedge": "true"});
    let wishes = read(&headers, &terrace, &metadata).unwrap();
    assert_eq!(wishes.request.action, "from_header");
    let policy = wishes.request.policy.unwrap();
    assert_eq!((&*policy.tier, policy.hedge), ("local_fast", Some(true)));
}

#[test]
fn metadata_is_tags() {
    let metadata = json!({"team": "search", "run": 7});
    let headers = headers(&[("x-terrace-tags", "topic=caching, team=ads")]);
    let tags = read(&headers, &Value::Null, &metadata)
        .unwrap()
        .request
        .tags;
    let tag = |name: &str| tags.get(name).map(String::as_str);
    assert_eq!(tag("topic"), Some("caching"));
    assert_eq!((tag("team"), tag("run")), (Some("ads"), Some("7")));
}

#[test]
fn money_is_read_exactly_and_times_with_their_unit() {
    let terrace = json!({
        "max_cost_usd": 0.000_000_001,
        "timeout": "1500ms",
        "latency_target": 2,
        "quality_threshold": 0.8,
        "cache": "off",
        "consensus": ["a", "b"],
    });
    let wishes = read(&HeaderMap::new(), &terrace, &Value::Null);
    // A number as 1e-9 has no exact digits: it is refused, not rounded.
    assert!(wishes.unwrap_err().contains("max_cost_usd"));
    let mut terrace = terrace;
    terrace["max_cost_usd"] = json!("0.000000001");
    let wishes = read(&HeaderMap::new(), &terrace, &Value::Null).unwrap();
    assert_eq!(wishes.timeout, Some(Duration::from_millis(1500)));
    let policy = wishes.request.policy.unwrap();
    assert_eq!(policy.max_cost_nano_usd, Some(1));
    assert_eq!(policy.latency_target.unwrap().seconds, 2);
    assert!(policy.cache.unwrap().no_read && policy.cache.unwrap().no_write);
    assert_eq!(policy.consensus.unwrap().models, ["a", "b"]);
}

#[test]
fn a_name_that_nobody_knows_is_refused_wherever_it_stands() {
    let typo = read(
        &headers(&[("x-terrace-max-cost-used", "1")]),
        &json!({"quality_treshold": 1}),
        &json!({"terrace_acton": "x"}),
    );
    let told = typo.unwrap_err();
    for meant in ["max_cost_usd", "quality_threshold", "action"] {
        assert!(told.contains(&format!("did you mean `{meant}`?")), "{told}");
    }
    let project = read(
        &headers(&[("x-terrace-project", "p")]),
        &Value::Null,
        &Value::Null,
    );
    assert!(project.unwrap_err().contains("who pays"));
}

#[test]
fn values_of_another_kind_are_refused_all_at_once() {
    let terrace = json!({
        "quality_check": "perhaps",
        "max_attempts": -1,
        "commit_mode": "provisional",
        "tags": "team",
        "action": ["a"],
    });
    let told = read(&HeaderMap::new(), &terrace, &Value::Null).unwrap_err();
    for field in [
        "quality_check",
        "max_attempts",
        "take back",
        "name=value",
        "single value",
    ] {
        assert!(told.contains(field), "{told}");
    }
}

#[test]
fn the_names_are_in_order_for_whoever_reads_them() {
    assert!(NAMES.is_sorted());
}
