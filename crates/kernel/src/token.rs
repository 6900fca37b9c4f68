use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::Entropy;

/// A secret of 256 random bits that stands for a person: in a session cookie, a link in a mail, a refresh token.
///
/// Whoever issues it keeps [`Token::hash`] alone, so that a stolen database opens no session.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// A new token.
    #[must_use]
    pub fn generate(entropy: &Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// Reads what [`Token::reveal`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The secret itself, in 43 characters that are safe in a cookie and in an address.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What may be stored. A plain SHA-256 is enough: nobody can guess 256 random bits, so there is nothing to slow down.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The SHA-256 of a [`Token`]: finds what the token stands for, and is worthless to a thief.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The 32 bytes, to bind them to a query.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for TokenHash {
    /// In URL-safe base64: the name under which Redis keeps what the token stands for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_from_its_text() {
        let token = Token::generate(&Entropy::system());
        let read = Token::parse(&token.reveal()).unwrap();
        assert_eq!(read.hash(), token.hash());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", "short", &"A".repeat(44), &"!".repeat(43)] {
            assert!(Token::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn debug_output_shows_neither_token_nor_hash() {
        let token = Token::generate(&Entropy::seeded(1));
        assert_eq!(
            format!("{token:?} {:?}", token.hash()),
            "Token(…) TokenHash(…)"
        );
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_token_has_one_spelling() {
        fuzzing::text("token", |text| {
            if let Some(token) = Token::parse(text) {
                assert_eq!(token.reveal(), text);
            }
        });
    }
}
