//! Addresses under `/files/` that carry their own permission, for the backends that sign none themselves.
//!
//! The signature covers the method and the address as it stands, letter by letter. There is nothing to normalise, and so
//! no second reading of an address that the signature does not cover.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderValue, Method};
use kernel::Clock;
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use url::Url;
use url::form_urlencoded::{Serializer, parse};

use super::{ObjectKey, StorageSettings};

/// What the bearer of a signed address may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedRequest {
    /// Read the file.
    Get {
        /// Which file.
        key: ObjectKey,
        /// The value of the answer's `Content-Disposition`, if it is to be saved.
        content_disposition: Option<String>,
    },
    /// Store one file.
    Put {
        /// Under which key.
        key: ObjectKey,
        /// The `Content-Type` that the request must have.
        content_type: String,
        /// The most bytes that its body may have.
        max_bytes: u64,
    },
}

/// The address permits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSignedUrl {
    /// It was altered, or never signed.
    #[error("the address was not signed by this application")]
    Forged,
    /// It was good once.
    #[error("the address has expired")]
    Expired,
}

#[derive(Clone, Debug)]
pub(super) struct Signer {
    /// Keyed once; each signature starts from a copy.
    mac: Hmac<Sha256>,
    public_url: Url,
    clock: Clock,
}

const SIGNATURE: &str = "&signature=";

impl Signer {
    pub(super) fn new(settings: &StorageSettings, clock: Clock) -> Self {
        let secret = settings.signing_key.expose_secret().as_bytes();
        // A key of its own, derived from the application's, so that no other use of the secret signs addresses.
        let derived = keyed(secret).chain_update("file addresses").finalize();
        Self {
            mac: keyed(&derived.into_bytes()),
            public_url: settings.public_url.clone(),
            clock,
        }
    }

    pub(super) fn get(
        &self,
        key: &ObjectKey,
        expires: Duration,
        content_disposition: Option<String>,
    ) -> Url {
        let disposition = content_disposition.map(|value| ("disposition", value));
        self.sign(&Method::GET, key, expires, disposition)
    }

    pub(super) fn put(
        &self,
        key: &ObjectKey,
        content_type: &HeaderValue,
        max_bytes: u64,
        expires: Duration,
    ) -> Url {
        let content_type = String::from_utf8_lossy(content_type.as_bytes()).into_owned();
        let terms = [("type", content_type), ("max", max_bytes.to_string())];
        self.sign(&Method::PUT, key, expires, terms)
    }

    fn sign(
        &self,
        method: &Method,
        key: &ObjectKey,
        expires: Duration,
        terms: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Url {
        let expires_at = self.clock.now() + expires;
        let query = Serializer::new(String::new())
            .append_pair("expires", &expires_at.timestamp().to_string())
            .extend_pairs(terms)
            .finish();
        let signature = self.mac_of(method, key.as_str(), &query).finalize();
        let signature = URL_SAFE_NO_PAD.encode(signature.into_bytes());
        let mut url = self.public_url.clone();
        url.set_path(&format!("/files/{key}"));
        url.set_query(Some(&format!("{query}{SIGNATURE}{signature}")));
        url
    }

    pub(super) fn verify(
        &self,
        method: &Method,
        key: &str,
        query: &str,
    ) -> Result<SignedRequest, InvalidSignedUrl> {
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let (query, signature) = query
            .rsplit_once(SIGNATURE)
            .ok_or(InvalidSignedUrl::Forged)?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| InvalidSignedUrl::Forged)?;
        // Compares in constant time.
        self.mac_of(method, key, query)
            .verify_slice(&signature)
            .map_err(|_| InvalidSignedUrl::Forged)?;
        let term = |name| {
            let found = parse(query.as_bytes()).find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        let expires_at: i64 = term("expires")
            .and_then(|time| time.parse().ok())
            .ok_or(InvalidSignedUrl::Forged)?;
        if self.clock.now().timestamp() >= expires_at {
            return Err(InvalidSignedUrl::Expired);
        }
        let key = ObjectKey::new(key).map_err(|_| InvalidSignedUrl::Forged)?;
        if method == Method::GET {
            let content_disposition = term("disposition");
            return Ok(SignedRequest::Get {
                key,
                content_disposition,
            });
        }
        let max_bytes = term("max").and_then(|max| max.parse().ok());
        let (Some(content_type), Some(max_bytes)) = (term("type"), max_bytes) else {
            return Err(InvalidSignedUrl::Forged);
        };
        Ok(SignedRequest::Put {
            key,
            content_type,
            max_bytes,
        })
    }

    fn mac_of(&self, method: &Method, key: &str, query: &str) -> Hmac<Sha256> {
        self.mac
            .clone()
            .chain_update(format!("{method}\n{key}\n{query}"))
    }
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes a key of any length (RFC 2104)")
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn an_address_permits_what_was_signed_and_nothing_else() {
        let now = chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let settings = StorageSettings {
            url: "memory:".parse().unwrap(),
            access_key_id: None,
            secret_access_key: None,
            public_url: "https://shop.example".parse().unwrap(),
            signing_key: "only tests sign with this secret!".into(),
        };
        let signer = Signer::new(&settings, Clock::fixed(now));
        let key = ObjectKey::new("avatars/a.png").unwrap();
        let png = HeaderValue::from_static("image/png");
        let url = signer.put(&key, &png, 1_000, Duration::from_mins(1));
        let good = include_str!("../../corpus/signed_url/good");
        assert_eq!(good, format!("avatars/a.png?{}", url.query().unwrap()));

        fuzzing::text("signed_url", move |text| {
            let (key, query) = text.split_once('?').unwrap_or((text, ""));
            assert!(signer.verify(&Method::GET, key, query).is_err());
            if signer.verify(&Method::PUT, key, query).is_ok() {
                assert_eq!(text, good);
            }
        });
    }
}
