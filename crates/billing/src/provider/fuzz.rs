use http::StatusCode;

use super::wire::{IntentReply, ListReply, SessionReply};
use super::{ProviderError, RefundReply, Standing};

/// What the provider sends, read as each of the things that it could be.
fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    super::read(body).ok()
}

#[test]
fn whatever_the_provider_sends_is_an_answer_or_an_error() {
    fuzzing::bytes("provider_reply", |body| {
        if let Some(session) = read::<SessionReply>(body) {
            if let Ok(open) = session.clone().into_open_session() {
                assert!(open.url.starts_with("http"), "{}", open.url);
            }
            let _ = Standing::of_session(session);
        }
        if let Some(intent) = read::<IntentReply>(body) {
            let _ = Standing::of_intent(intent);
        }
        if let Some(refund) = read::<RefundReply>(body) {
            let _ = refund.refund_id();
        }
        let _ = read::<ListReply<IntentReply>>(body);
    });
}

#[test]
fn a_refusal_is_final_whatever_words_come_with_it() {
    fuzzing::bytes("provider_error", |body| {
        let refused = ProviderError::from_reply(StatusCode::BAD_REQUEST, body);
        assert!(refused.is_final());
        let busy = ProviderError::from_reply(StatusCode::SERVICE_UNAVAILABLE, body);
        assert!(!busy.is_final());
    });
}
