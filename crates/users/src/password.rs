//! Which passwords are accepted, after OWASP ASVS 5.0, 6.2.

use secrecy::{ExposeSecret, SecretString};
use zxcvbn::{Score, zxcvbn};

/// Without a second factor a password needs this many characters (ASVS 6.2.1 and NIST SP 800-63B-4).
pub const MIN_PASSWORD_CHARS: usize = 15;

/// The longest password that is hashed; far above any passphrase, it bounds what a request can cost.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// Long passwords that many people hit upon and that the estimator takes for hard: sayings, verses, keyboards other than
/// the American one. What its own lists of leaked passwords, names and words refuse is not repeated here.
const WELL_KNOWN: &str = include_str!("well_known_passwords.txt");

/// Why a new password is refused, in words for the person who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Fewer than [`MIN_PASSWORD_CHARS`] characters.
    #[error(
        "Use at least {MIN_PASSWORD_CHARS} characters. A few words in a row are easy to remember."
    )]
    TooShort,
    /// More than [`MAX_PASSWORD_BYTES`] bytes.
    #[error("Use at most {MAX_PASSWORD_BYTES} bytes.")]
    TooLong,
    /// Common, leaked, a pattern, or made of what others know about the account.
    #[error(
        "This password is easy to guess. Choose words that have nothing to do with each other or with you."
    )]
    TooGuessable,
}

/// The rules on length, which cost nothing to check.
pub(crate) fn check_length(password: &SecretString) -> Result<(), PasswordFault> {
    let password = password.expose_secret();
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordFault::TooLong);
    }
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return Err(PasswordFault::TooShort);
    }
    Ok(())
}

/// Refuses what an attacker would try first. `about` is what they know: address, name, the product.
///
/// Works without a network, so no password leaves the process. Takes milliseconds: not for an async thread.
pub(crate) fn check_guessability(
    password: &SecretString,
    about: &[String],
) -> Result<(), PasswordFault> {
    let password = password.expose_secret();
    let about: Vec<&str> = about
        .iter()
        .flat_map(|text| {
            let words = text.split(|c: char| !c.is_alphanumeric());
            words
                .chain([text.as_str()])
                .filter(|word| word.chars().count() > 2)
        })
        .collect();
    if is_well_known(password) || zxcvbn(password, &about).score() < Score::Three {
        return Err(PasswordFault::TooGuessable);
    }
    Ok(())
}

/// Capitals, spaces and punctuation between the words make a well-known sentence no less known.
fn is_well_known(password: &str) -> bool {
    let letters: String = password
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    WELL_KNOWN.lines().any(|known| known == letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str) -> Result<(), PasswordFault> {
        let about = ["ann.lee@example.com", "Ann Lee", "Mainstay"].map(str::to_owned);
        let password = SecretString::from(password);
        check_length(&password)?;
        check_guessability(&password, &about)
    }

    #[test]
    fn length_is_counted_in_characters_and_bounded_in_bytes() {
        assert_eq!(judge("fourteen chars"), Err(PasswordFault::TooShort));
        assert_eq!(judge("größe-übung-äö"), Err(PasswordFault::TooShort));
        assert_eq!(judge(&"é".repeat(513)), Err(PasswordFault::TooLong));
    }

    #[test]
    fn no_kind_of_character_is_demanded() {
        for password in [
            "lantern gravel mosaic",
            "kettle-orbit-window-9",
            "дерево облако ложка",
            "木 星 と 猫 の 長 い 夜 の 物",
        ] {
            assert_eq!(judge(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn common_passwords_and_patterns_are_refused() {
        for password in [
            "passwordpassword",
            "123456789012345",
            "qwertyuiopasdfghjkl",
            "1qaz2wsx3edc4rfv",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "iloveyou12345678",
            "azertyuiopqsdfghjklm",
            "Correct horse battery staple",
            "May the Force be with you!",
        ] {
            assert_eq!(
                judge(password),
                Err(PasswordFault::TooGuessable),
                "{password}"
            );
        }
    }

    #[test]
    fn what_others_know_about_the_account_is_refused() {
        for password in [
            "ann.lee@example.com",
            "annleeannleeannlee",
            "MainstayMainstay1",
        ] {
            assert_eq!(
                judge(password),
                Err(PasswordFault::TooGuessable),
                "{password}"
            );
        }
    }

    #[test]
    fn the_list_holds_only_what_could_be_accepted_otherwise() {
        for known in WELL_KNOWN.lines() {
            assert!(known.chars().count() >= MIN_PASSWORD_CHARS, "{known}");
            assert!(
                known
                    .chars()
                    .all(|c| c.is_alphanumeric() && !c.is_uppercase()),
                "{known}"
            );
        }
    }
}
