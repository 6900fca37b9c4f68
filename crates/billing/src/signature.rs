//! The signature on the provider's webhooks: Stripe's scheme `v1`, an HMAC with SHA-256 over time and raw body
//! (<https://docs.stripe.com/webhooks#verify-manually>).

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// How far a signature's time may be from ours, either way. A recorded request cannot be replayed later than this.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Why a webhook is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidSignature {
    #[error("the signature header is malformed")]
    Malformed,
    #[error("no signature matches the body")]
    Mismatch,
    #[error("the signature is too old or from the future")]
    Stale,
}

/// Checks that whoever holds one of `secrets` signed exactly `body`, at most five minutes from `now`.
///
/// Two secrets are live while one is being replaced, and the provider then signs with both.
pub(crate) fn verify(
    header: &str,
    body: &[u8],
    secrets: &[SecretString],
    now: DateTime<Utc>,
) -> Result<(), InvalidSignature> {
    let header = Header::parse(header)?;
    let genuine = secrets
        .iter()
        .map(|secret| signature(secret, header.time, body))
        // `verify_slice` compares in constant time, so a forger learns nothing from how long a refusal takes.
        .any(|mac| {
            let matches = |v1: &Vec<u8>| mac.clone().verify_slice(v1).is_ok();
            header.signatures.iter().any(matches)
        });
    if !genuine {
        return Err(InvalidSignature::Mismatch);
    }
    if (now - header.signed_at()?).abs() > TOLERANCE {
        return Err(InvalidSignature::Stale);
    }
    Ok(())
}

/// Signs `body` as the provider does.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn sign(secret: &SecretString, body: &[u8], at: DateTime<Utc>) -> String {
    let time = at.timestamp().to_string();
    let v1 = hex::encode(signature(secret, &time, body).finalize().into_bytes());
    format!("t={time},v1={v1}")
}

fn signature(secret: &SecretString, time: &str, body: &[u8]) -> Hmac<Sha256> {
    let key = secret.expose_secret().as_bytes();
    Hmac::new_from_slice(key)
        .expect("HMAC takes a key of any length")
        .chain_update(time)
        .chain_update(".")
        .chain_update(body)
}

/// `t=1492774577,v1=5257a8…,v1=6ffbb5…,v0=…`. Schemes other than `v1` are skipped, as the provider asks.
struct Header<'a> {
    /// As it was written, because it is part of what was signed.
    time: &'a str,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Header<'a> {
    fn parse(text: &'a str) -> Result<Self, InvalidSignature> {
        let mut time = None;
        let mut signatures = Vec::new();
        for part in text.split(',') {
            match part.trim().split_once('=') {
                Some(("t", _)) if time.is_some() => return Err(InvalidSignature::Malformed),
                Some(("t", value)) => time = Some(value),
                Some(("v1", value)) => {
                    signatures.push(hex::decode(value).map_err(|_| InvalidSignature::Malformed)?);
                }
                Some(_) => {}
                None => return Err(InvalidSignature::Malformed),
            }
        }
        let time = time.ok_or(InvalidSignature::Malformed)?;
        if signatures.is_empty() {
            return Err(InvalidSignature::Malformed);
        }
        Ok(Self { time, signatures })
    }

    fn signed_at(&self) -> Result<DateTime<Utc>, InvalidSignature> {
        self.time
            .parse()
            .ok()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .ok_or(InvalidSignature::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    #[test]
    fn a_signature_made_elsewhere_is_believed() {
        // printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_1
        let header =
            "t=1700000000,v1=86d9cb9088d7cce050b0134e2d515d0fc05e8c00073612d3451480c6291f4dcd";
        assert_eq!(verify(header, BODY, &[secret("whsec_1")], now()), Ok(()));
    }

    #[test]
    fn either_of_two_live_secrets_will_do() {
        let secrets = [secret("whsec_old"), secret("whsec_new")];
        for signer in &secrets {
            let header = sign(signer, BODY, now());
            assert_eq!(verify(&header, BODY, &secrets, now()), Ok(()));
        }
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let genuine = sign(&secret("whsec_1"), BODY, now());
        let (time, v1) = genuine.split_once(',').unwrap();
        let header = format!("{time}, v1={}, v0=legacy, {v1}", "00".repeat(32));
        assert_eq!(verify(&header, BODY, &[secret("whsec_1")], now()), Ok(()));
    }

    #[test]
    fn a_forged_body_time_or_secret_is_refused() {
        let secrets = [secret("whsec_1")];
        let header = sign(&secrets[0], BODY, now());
        let refused = Err(InvalidSignature::Mismatch);
        assert_eq!(
            verify(&header, br#"{"id":"evt_2"}"#, &secrets, now()),
            refused
        );
        assert_eq!(
            verify(&header.replace("t=17", "t=18"), BODY, &secrets, now()),
            refused
        );
        assert_eq!(verify(&header, BODY, &[secret("whsec_2")], now()), refused);
        assert_eq!(verify(&header, BODY, &[], now()), refused);
    }

    #[test]
    fn a_signature_is_believed_for_five_minutes_either_way() {
        let secrets = [secret("whsec_1")];
        let header = sign(&secrets[0], BODY, now());
        let seconds = TimeDelta::seconds;
        for (later, expected) in [
            (seconds(300), Ok(())),
            (seconds(-300), Ok(())),
            (seconds(301), Err(InvalidSignature::Stale)),
            (seconds(-301), Err(InvalidSignature::Stale)),
        ] {
            assert_eq!(
                verify(&header, BODY, &secrets, now() + later),
                expected,
                "{later}"
            );
        }
    }

    #[test]
    fn a_header_that_is_not_one_is_refused() {
        let v1 = "00".repeat(32);
        for header in [
            String::new(),
            "v1".to_owned(),
            "t=1700000000".to_owned(),
            "t=1700000000,v1=xyz".to_owned(),
            format!("v1={v1}"),
            format!("t=1700000000,t=1700000000,v1={v1}"),
        ] {
            let result = verify(&header, BODY, &[secret("whsec_1")], now());
            assert_eq!(result, Err(InvalidSignature::Malformed), "{header:?}");
        }
    }

    #[test]
    fn a_signed_time_that_is_no_number_is_refused() {
        let mac = signature(&secret("whsec_1"), "soon", BODY).finalize();
        let header = format!("t=soon,v1={}", hex::encode(mac.into_bytes()));
        let result = verify(&header, BODY, &[secret("whsec_1")], now());
        assert_eq!(result, Err(InvalidSignature::Malformed));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn nothing_but_the_signed_body_is_believed() {
        let secrets = [SecretString::from("whsec_1")];
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        fuzzing::bytes("webhook_signature", move |input| {
            // The header is the first line, the body the rest. The corpus holds one body of which a signature is known.
            let line = input.iter().position(|byte| *byte == b'\n');
            let (header, body) = input.split_at(line.unwrap_or(input.len()));
            let header = String::from_utf8_lossy(header);
            let _ = Header::parse(&header).map(|header| header.signed_at());
            if verify(&header, body.get(1..).unwrap_or_default(), &secrets, now).is_ok() {
                assert_eq!(&body[1..], br#"{"id":"evt_1"}"#);
                assert!(header.contains("t=1700000000"));
            }
        });
    }

    #[test]
    fn the_corpus_holds_a_signature_that_is_good() {
        let good = include_str!("../corpus/webhook_signature/good");
        let (header, body) = good.split_once('\n').unwrap();
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let secrets = [SecretString::from("whsec_1")];
        assert_eq!(verify(header, body.as_bytes(), &secrets, now), Ok(()));
    }
}
