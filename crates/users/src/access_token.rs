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
mod tests {
    use kernel::Clock;
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://shop.example";
    const AUDIENCE: &str = "https://shop.example/api/v1";

    fn now() -> DateTime<Utc> {
        "2026-01-05T12:00:00Z".parse().unwrap()
    }

    fn tokens() -> AccessTokens {
        let keys = SigningKeys::generate(&Entropy::seeded(1));
        AccessTokens::new(keys, ISSUER.to_owned(), AUDIENCE.to_owned())
    }

    fn subject() -> AccessClaims {
        let user_id = UserId::generate(&Clock::fixed(now()), &Entropy::seeded(2));
        AccessClaims {
            user_id,
            generation: 7,
        }
    }

    fn issued(tokens: &AccessTokens) -> String {
        let token = tokens.issue(subject(), now(), &Entropy::seeded(3));
        token.expose_secret().to_owned()
    }

    fn valid_claims() -> Value {
        let seconds = now().timestamp();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": subject().user_id, "jti": Uuid::nil(), "gen": 7,
            "iat": seconds, "nbf": seconds, "exp": seconds + 900,
        })
    }

    /// A token with our key's signature, so that a refusal is due to what was changed in it.
    fn signed(tokens: &AccessTokens, header: impl Fn(&mut Header), claims: &Value) -> String {
        let key = &tokens.keys.0[0];
        let mut ours = Header::new(Algorithm::EdDSA);
        ours.typ = Some(TYPE.to_owned());
        ours.kid = Some(key.id.clone());
        header(&mut ours);
        jsonwebtoken::encode(&ours, claims, &key.private).unwrap()
    }

    #[test]
    fn a_token_says_whom_it_was_issued_to_until_it_expires() {
        let tokens = tokens();
        let token = issued(&tokens);
        assert_eq!(tokens.verify(&token, now()), Ok(subject()));
        let last_second = now() + ACCESS_TOKEN_LIFETIME - TimeDelta::seconds(1);
        assert_eq!(tokens.verify(&token, last_second), Ok(subject()));
        let expiry = now() + ACCESS_TOKEN_LIFETIME;
        assert_eq!(tokens.verify(&token, expiry), Err(InvalidAccessToken));
        let long_before = now() - TimeDelta::minutes(1);
        assert_eq!(tokens.verify(&token, long_before), Err(InvalidAccessToken));
    }

    #[test]
    fn a_claim_that_is_wrong_or_missing_makes_the_token_invalid() {
        let tokens = tokens();
        let genuine = signed(&tokens, |_| (), &valid_claims());
        assert_eq!(tokens.verify(&genuine, now()), Ok(subject()));
        for (claim, value) in [
            ("iss", json!("https://elsewhere.example")),
            ("aud", json!("https://elsewhere.example/api")),
            ("nbf", json!(now().timestamp() + 60)),
            ("exp", json!(now().timestamp() - 1)),
            ("sub", json!("somebody")),
        ] {
            let mut claims = valid_claims();
            claims[claim] = value;
            let token = signed(&tokens, |_| (), &claims);
            assert_eq!(
                tokens.verify(&token, now()),
                Err(InvalidAccessToken),
                "wrong {claim}"
            );
        }
        for claim in ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "gen"] {
            let mut claims = valid_claims();
            claims.as_object_mut().unwrap().remove(claim);
            let token = signed(&tokens, |_| (), &claims);
            assert_eq!(
                tokens.verify(&token, now()),
                Err(InvalidAccessToken),
                "no {claim}"
            );
        }
    }

    #[test]
    fn a_token_of_another_type_or_key_is_refused() {
        let tokens = tokens();
        for typ in [None, Some("JWT".to_owned())] {
            let token = signed(
                &tokens,
                |header| header.typ.clone_from(&typ),
                &valid_claims(),
            );
            assert_eq!(
                tokens.verify(&token, now()),
                Err(InvalidAccessToken),
                "{typ:?}"
            );
        }
        for kid in [None, Some("unknown".to_owned())] {
            let token = signed(
                &tokens,
                |header| header.kid.clone_from(&kid),
                &valid_claims(),
            );
            assert_eq!(
                tokens.verify(&token, now()),
                Err(InvalidAccessToken),
                "{kid:?}"
            );
        }
    }

    #[test]
    fn only_our_algorithm_and_signature_count() {
        let tokens = tokens();
        let key = &tokens.keys.0[0];
        let (message, signature) = {
            let token = issued(&tokens);
            let (message, signature) = token.rsplit_once('.').unwrap();
            (message.to_owned(), signature.to_owned())
        };

        let mut hmac = Header::new(Algorithm::HS256);
        hmac.typ = Some(TYPE.to_owned());
        hmac.kid = Some(key.id.clone());
        let public_bytes = key.public.try_get_as_bytes().unwrap();
        let keyed_with_public_half = EncodingKey::from_secret(public_bytes);
        let confused = jsonwebtoken::encode(&hmac, &valid_claims(), &keyed_with_public_half);

        let mut forger = self::tokens();
        forger.keys = SigningKeys::generate(&Entropy::seeded(9));
        let stranger = signed(
            &forger,
            |header| header.kid = Some(key.id.clone()),
            &valid_claims(),
        );

        let flipped = format!("{message}.A{}", &signature[1..]);
        let unsigned = format!("{message}.");
        for token in [
            confused.unwrap(),
            stranger,
            flipped,
            unsigned,
            message,
            String::new(),
        ] {
            assert_eq!(
                tokens.verify(&token, now()),
                Err(InvalidAccessToken),
                "{token}"
            );
        }
    }

    #[test]
    fn tokens_of_the_key_before_are_still_read() {
        let before = tokens();
        let mut after = tokens();
        after.keys = SigningKeys::generate(&Entropy::seeded(4));
        after.keys.0.extend(before.keys.0.clone());
        assert_eq!(after.verify(&issued(&before), now()), Ok(subject()));
        assert_eq!(
            before.verify(&issued(&after), now()),
            Err(InvalidAccessToken)
        );
    }

    #[test]
    fn keys_are_read_from_pem_and_published_without_their_secret() {
        const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
            -----END PRIVATE KEY-----\n";
        let two = SigningKeys::parse_pem(&format!("{PEM}{PEM}").into()).unwrap();
        assert_eq!(two.0.len(), 2);
        // RFC 8037, appendix A: this key's public half and thumbprint.
        assert_eq!(
            SigningKeys::parse_pem(&PEM.into()).unwrap().public_set(),
            json!({"keys": [{
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
                "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }]})
        );
        for text in [
            "",
            "not a key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            assert_eq!(
                SigningKeys::parse_pem(&text.into()).err(),
                Some(InvalidSigningKeys)
            );
        }
    }
}
