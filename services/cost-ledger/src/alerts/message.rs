//! What a webhook gets of an alert: a JSON object, and a header that proves who sent it.

use ring::hmac;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Raised;
use crate::budget::AlertKind;

/// The alert as JSON. `text` is for people; chats show it as it is.
pub(super) fn body(alert: &Raised) -> String {
    let budget = &alert.standing;
    let object = json!({
        "text": text(alert),
        "alert_id": alert.alert_id.to_string(),
        "kind": alert.kind.as_str(),
        "at": moment(alert.at),
        "budget": {
            "name": budget.name.to_string(),
            "cap_nano_usd": budget.cap.get(),
            "topped_up_nano_usd": budget.topped_up.get(),
            "spent_nano_usd": budget.spent.get(),
            "reserved_nano_usd": budget.reserved.get(),
            "alert_threshold": budget.alert_threshold.get(),
            "time_zone": budget.time_zone.name(),
            "period_start": moment(budget.period.start),
            "period_end": moment(budget.period.end),
        },
    });
    object.to_string()
}

fn text(alert: &Raised) -> String {
    let budget = &alert.standing;
    let standing = format!(
        "{} spent and {} reserved of {}, anew at {} ({})",
        budget.spent,
        budget.reserved,
        budget.allowed(),
        moment(budget.period.end),
        budget.time_zone.name(),
    );
    match alert.kind {
        AlertKind::Threshold => format!("Budget {} is nearly spent: {standing}", budget.name),
        AlertKind::Refused => format!("Budget {} refuses: {standing}", budget.name),
    }
}

fn moment(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// The value of `terrace-signature`: the second in which it was signed, so that a receiver can
/// refuse what somebody recorded and sends again, and the HMAC of `SECOND.BODY`.
pub(super) fn signature(secret: &str, at: OffsetDateTime, body: &str) -> String {
    let second = at.unix_timestamp();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let digest = hmac::sign(&key, format!("{second}.{body}").as_bytes());
    let bytes = digest.as_ref().iter();
    let hex: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    format!("t={second},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::tests::{NOW, standing};

    fn alert(kind: AlertKind) -> Raised {
        Raised {
            alert_id: 7,
            kind,
            at: NOW,
            attempts: 1,
            standing: standing("project/search/daily", 8_000_000_000, 500_000_000),
        }
    }

    #[test]
    fn a_message_tells_people_and_programs_the_same() {
        let body = body(&alert(AlertKind::Threshold));
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value["alert_id"], "7");
        assert_eq!(value["budget"]["spent_nano_usd"], 8_000_000_000_i64);
        let expected = "Budget project/search/daily is nearly spent: $8.000000 spent and \
                        $0.500000 reserved of $10.000000, anew at 2026-11-23T00:00:00Z (UTC)";
        assert_eq!(value["text"], expected);
    }

    #[test]
    fn a_signature_is_the_hmac_of_second_and_body() {
        // printf '1763841600.{}' | openssl dgst -sha256 -hmac hush
        let at = OffsetDateTime::from_unix_timestamp(1_763_841_600).unwrap();
        let expected =
            "t=1763841600,v1=a6863f168551e181dd5c26f0a92cdb54286207c93b83b5a0b4b71951303f77d0";
        assert_eq!(signature("hush", at, "{}"), expected);
        assert_ne!(signature("other", at, "{}"), expected);
        assert_ne!(signature("hush", at, "{ }"), expected);
    }
}
