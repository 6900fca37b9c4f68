//! The secret of an endpoint, and what is signed with it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kernel::EndpointId;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// What an endpoint's messages are signed with. It is made when it is needed, and stored nowhere.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret of an endpoint's `generation`: an HMAC under the application's secret, so that whoever has the database
    /// alone can sign nothing, and whoever has an endpoint's secret learns nothing about any other.
    pub(crate) fn derive(key: &SecretString, endpoint_id: EndpointId, generation: i32) -> Self {
        // A key of its own, derived from the application's, so that no other use of it makes such secrets.
        let key = keyed(key.expose_secret().as_bytes()).chain_update("webhook secrets");
        let mac = keyed(&key.finalize().into_bytes())
            .chain_update(endpoint_id.as_uuid())
            .chain_update(generation.to_be_bytes());
        Self(mac.finalize().into_bytes().into())
    }

    /// The secret as receivers are given it: `whsec_` and base64.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// One signature of the header `webhook-signature`.
    pub(crate) fn sign(&self, message: &str, at: DateTime<Utc>, body: &str) -> String {
        sign(&self.0, message, at, body)
    }
}

fn sign(secret: &[u8], message: &str, at: DateTime<Utc>, body: &str) -> String {
    let mac = keyed(secret)
        .chain_update(format!("{message}.{}.", at.timestamp()))
        .chain_update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// The example that the libraries of Standard Webhooks check themselves with.
    #[test]
    fn a_message_is_signed_as_the_specification_says() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let signature = sign(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_endpoint_and_each_generation_has_a_secret_of_its_own() {
        let (one, other) = (
            SecretString::from("only tests sign with this secret!"),
            SecretString::from("or with this one, which is other!"),
        );
        let id = |number| EndpointId::from_uuid(Uuid::from_u128(number));
        let secrets = [
            Secret::derive(&one, id(1), 1),
            Secret::derive(&one, id(2), 1),
            Secret::derive(&one, id(1), 2),
            Secret::derive(&other, id(1), 1),
        ];
        let mut revealed: Vec<_> = secrets.iter().map(Secret::reveal).collect();
        assert_eq!(revealed[0], Secret::derive(&one, id(1), 1).reveal());
        revealed.sort_unstable();
        revealed.dedup();
        assert_eq!(revealed.len(), 4);
        for secret in revealed {
            let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap());
            assert_eq!(key.unwrap().len(), 32, "between 24 and 64 bytes");
        }
    }
}
