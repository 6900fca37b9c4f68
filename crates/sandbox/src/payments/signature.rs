//! How the shop knows a webhook for the provider's
//! (<https://docs.stripe.com/webhooks#verify-manually>).

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The `Stripe-Signature` header: the time, and an HMAC-SHA-256 over `time.body`.
pub(super) fn signature(secret: &str, at: DateTime<Utc>, body: &str) -> String {
    let time = at.timestamp();
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(format!("{time}.{body}").as_bytes());
    let digest = hex::encode(mac.finalize().into_bytes());
    format!("t={time},v1={digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected digest was computed with
    /// `printf '1767614400.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test`.
    #[test]
    fn the_signature_covers_time_and_body() {
        let at = DateTime::from_timestamp(1_767_614_400, 0).unwrap();
        assert_eq!(
            signature("whsec_test", at, r#"{"id":"evt_1"}"#),
            "t=1767614400,v1=700e60a7754102fbcd93141b139249edf46c4972f3da53b225b239c813b457ef"
        );
    }
}
