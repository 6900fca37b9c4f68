//! Access tokens for programs: JWTs signed with Ed25519 (RFC 7519, RFC 8037, profile RFC 9068), good for 15 minutes.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use kernel::{Entropy, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long an access token is good for. Nothing but the clock ends it on the way to a service that cannot ask us.
pub(crate) const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// RFC 9068's type: keeps any other JWT signed with the same key from passing as an access token.
const TYPE: &str = "at+jwt";

/// How far the clocks of two instances may be apart.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);

/// The Ed25519 keys that sign access tokens.
///
/// The first signs; every one verifies. To change keys, put the new one first and drop the old one 15 minutes later.
#[derive(Clone)]
pub struct SigningKeys(Vec<SigningKey>);

#[derive(Clone)]
struct SigningKey {
    id: String,
    private: EncodingKey,
    public: DecodingKey,
    jwk: Jwk,
}

/// The text holds no Ed25519 key that signing could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected one or more Ed25519 private keys, PEM-encoded PKCS#8, as `openssl genpkey -algorithm ed25519` makes them"
)]
pub struct InvalidSigningKeys;

impl SigningKeys {
    /// Reads one or more PEM blocks that stand one after another.
    pub fn parse_pem(pem: &SecretString) -> Result<Self, InvalidSigningKeys> {
        let keys = pem
            .expose_secret()
            .split_inclusive("-----END PRIVATE KEY-----")
            .filter(|block| !block.trim().is_empty())
            .map(|block| {
                let private = EncodingKey::from_ed_pem(block.trim().as_bytes());
                SigningKey::new(private.map_err(|_| InvalidSigningKeys)?)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(InvalidSigningKeys);
        }
        Ok(Self(keys))
    }

    /// A key that lives as long as the process: for tests and development.
    ///
    /// # Panics
    /// Never: any 32 bytes are an Ed25519 key.
    #[must_use]
    pub fn generate(entropy: &Entropy) -> Self {
        /// What precedes the 32 secret bytes in PKCS#8 (RFC 8410, section 7).
        const PKCS8: [u8; 16] = [
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22,
            0x04, 0x20,
        ];
        let der = [PKCS8.as_slice(), &entropy.bytes::<32>()].concat();
        let key = SigningKey::new(EncodingKey::from_ed_der(&der));
        Self(vec![key.expect("any 32 bytes are an Ed25519 key")])
    }

    /// The public halves, to be published at `/.well-known/jwks.json` (RFC 7517).
    ///
    /// # Panics
    /// Never: a key set is plain JSON.
    #[must_use]
    pub fn public_set(&self) -> serde_json::Value {
        let keys = self.0.iter().map(|key| key.jwk.clone()).collect();
        serde_json::to_value(JwkSet { keys }).expect("a key set is plain JSON")
    }
}

impl SigningKey {
    fn new(private: EncodingKey) -> Result<Self, InvalidSigningKeys> {
        let mut jwk =
            Jwk::from_encoding_key(&private, Algorithm::EdDSA).map_err(|_| InvalidSigningKeys)?;
        let id = jwk
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| InvalidSigningKeys)?;
        jwk.common.key_id = Some(id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = DecodingKey::from_jwk(&jwk).map_err(|_| InvalidSigningKeys)?;
        Ok(Self {
            id,
            private,
            public,
            jwk,
        })
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| &key.id))
            .finish()
    }
}

/// What a valid token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccessClaims {
    pub(crate) user_id: UserId,
    /// The account's session generation when the token was issued; another number now means that the token has ended.
    pub(crate) generation: i32,
}

/// The token is malformed, forged, expired, or meant for somebody else. Which of these is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub(crate) struct InvalidAccessToken;

/// Issues and reads access tokens.
pub(crate) struct AccessTokens {
    keys: SigningKeys,
    issuer: String,
    audience: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: Uuid,
    r#gen: i32,
}

impl AccessTokens {
    pub(crate) fn new(keys: SigningKeys, issuer: String, audience: String) -> Self {
        Self {
            keys,
            issuer,
            audience,
        }
    }

    pub(crate) fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    pub(crate) fn issue(
        &self,
        claims: AccessClaims,
        now: DateTime<Utc>,
        entropy: &Entropy,
    ) -> SecretString {
        let key = &self.keys.0[0];
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(key.id.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: claims.user_id.as_uuid(),
            exp: (now + ACCESS_TOKEN_LIFETIME).timestamp(),
            nbf: now.timestamp(),
            iat: now.timestamp(),
            jti: uuid::Builder::from_random_bytes(entropy.bytes()).into_uuid(),
            r#gen: claims.generation,
        };
        jsonwebtoken::encode(&header, &claims, &key.private)
            .expect("an Ed25519 key signs any claims")
            .into()
    }

    /// Checks a token: the algorithm is the only one allowed, the signature is ours, and only then what it claims.
    pub(crate) fn verify(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<AccessClaims, InvalidAccessToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidAccessToken)?;
        let key = self
            .keys
            .0
            .iter()
            .find(|key| Some(&key.id) == header.kid.as_ref())
            .ok_or(InvalidAccessToken)?;

        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // The library would ask the machine's clock; the application's own decides, below.
        validation.validate_exp = false;
        let token = jsonwebtoken::decode::<Claims>(token, &key.public, &validation)
            .map_err(|_| InvalidAccessToken)?;

        let in_time = token.claims.nbf <= (now + CLOCK_SKEW).timestamp()
            && now.timestamp() < token.claims.exp;
        if !in_time || token.header.typ.as_deref() != Some(TYPE) {
            return Err(InvalidAccessToken);
        }
        Ok(AccessClaims {
            user_id: UserId::from_uuid(token.claims.sub),
            generation: token.claims.r#gen,
        })
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
