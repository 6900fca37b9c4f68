use kernel::Clock;
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://shop.example";
const AUDIENCE: &str = "https://shop.example/api/v1";

pub(super) fn now() -> DateTime<Utc> {
    "2026-01-05T12:00:00Z".parse().unwrap()
}

pub(super) fn tokens() -> AccessTokens {
    let keys = SigningKeys::generate(&Entropy::seeded(1));
    AccessTokens::new(keys, ISSUER.to_owned(), AUDIENCE.to_owned())
}

pub(super) fn subject() -> AccessClaims {
    let user_id = UserId::generate(&Clock::fixed(now()), &Entropy::seeded(2));
    AccessClaims {
        user_id,
        generation: 7,
    }
}

pub(super) fn issued(tokens: &AccessTokens) -> String {
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
