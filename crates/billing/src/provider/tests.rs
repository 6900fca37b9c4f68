use kernel::Entropy;
use platform::outbound::user_agent;

use super::*;

fn session(json: &str) -> wire::SessionReply {
    serde_json::from_str(json).unwrap()
}

#[test]
fn unknown_words_and_fields_are_not_fatal() {
    let reply = session(
        r#"{ "id": "cs_1", "object": "checkout.session", "status": "paused", "payment_status": "no_payment_required",
             "new": { "nested": [1] }, "metadata": {} }"#,
    );
    assert_eq!(Standing::of_session(reply).unwrap().state, State::Waiting);
    let refund = r#"{ "id": "re_1", "status": "requires_action", "amount": 1, "currency": "eur" }"#;
    let refund: RefundReply = serde_json::from_str(refund).unwrap();
    assert_eq!(refund.status, RefundState::Pending);
}

#[test]
fn paid_without_an_amount_is_not_believed() {
    let reply = session(
        r#"{ "id": "cs_1", "status": "complete", "payment_status": "paid", "payment_intent": "pi_1" }"#,
    );
    assert!(matches!(
        Standing::of_session(reply),
        Err(ProviderError::Unreadable(_))
    ));
}

#[test]
fn an_error_keeps_its_code_whatever_it_looks_like() {
    let read = |status: u16, body: &str| {
        ProviderError::from_reply(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    };
    let error = read(
        404,
        r#"{ "error": { "type": "invalid_request_error", "code": "resource_missing" } }"#,
    );
    assert!(matches!(error, ProviderError::Refused { code, .. } if code == "resource_missing"));
    let error = read(400, r#"{ "error": { "type": "idempotency_error" } }"#);
    assert!(matches!(error, ProviderError::Refused { code, .. } if code == "idempotency_error"));
    assert!(read(400, "<html>").is_final());
    assert!(!read(502, "<html>").is_final());
    assert!(!read(302, "").is_final());
}

#[test]
fn the_key_is_not_printed() {
    let provider = Provider::new(
        &Outbound::new(Entropy::seeded(1), user_agent("shop", "1")),
        "https://pay.example/".parse().unwrap(),
        &"sk_live_1".into(),
    );
    let authorization = provider.unwrap().authorization;
    assert!(!format!("{authorization:?}").contains("sk_live_1"));
}
