//! Password hashes: argon2id, a bounded number at a time, never on an async thread.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use kernel::Entropy;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::password::{self, PasswordFault};

/// OWASP's second recommendation for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How each hash made with the parameters above begins.
const TODAYS_PARAMETERS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// How long a request waits for its turn before it is turned away.
const PATIENCE: Duration = Duration::from_secs(1);

/// A hash that no password is known for, made like a real one: checking against it takes as long as checking a person's.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3MgMTYgYnl0ZQ$\
    bm8gcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXMgdGV4dCE";

/// More passwords are being checked than the machine can bear. Trying again in a moment helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked right now")]
pub(crate) struct Overloaded;

/// What a password check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Another password, or no such account.
    Wrong,
    /// The right one.
    Right {
        /// The hash was made with other parameters than today's and should be made again.
        outdated: bool,
    },
}

/// Makes and checks password hashes.
///
/// A hash takes 19 MiB and one core for some ten milliseconds. So at most two a core run at once, which bounds the
/// memory that a flood of sign-ins can take; the rest wait for [`PATIENCE`] and are then refused.
#[derive(Clone)]
pub(crate) struct Hashing {
    permits: Arc<Semaphore>,
    entropy: Entropy,
}

impl Hashing {
    pub(crate) fn new(entropy: Entropy) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            permits: Arc::new(Semaphore::new(2 * cores)),
            entropy,
        }
    }

    /// Hashes a new password that the policy accepts. `about` is what others know about its owner.
    pub(crate) async fn hash_new(
        &self,
        password: &SecretString,
        about: Vec<String>,
    ) -> Result<Result<String, PasswordFault>, Overloaded> {
        if let Err(fault) = password::check_length(password) {
            return Ok(Err(fault));
        }
        let (password, salt) = (password.clone(), self.entropy.bytes::<16>());
        self.run(move || {
            password::check_guessability(&password, &about)?;
            Ok(hash(&password, &salt))
        })
        .await
    }

    /// Whether the policy accepts a password that is not to be hashed, because something else is wrong already.
    pub(crate) async fn judge(
        &self,
        password: &SecretString,
        about: Vec<String>,
    ) -> Result<Result<(), PasswordFault>, Overloaded> {
        if let Err(fault) = password::check_length(password) {
            return Ok(Err(fault));
        }
        let password = password.clone();
        self.run(move || password::check_guessability(&password, &about))
            .await
    }

    /// Hashes again a password that was just verified, with today's parameters.
    pub(crate) async fn rehash(&self, password: &SecretString) -> Result<String, Overloaded> {
        let (password, salt) = (password.clone(), self.entropy.bytes::<16>());
        self.run(move || hash(&password, &salt)).await
    }

    /// Checks a password against the account's hash; without an account the same work is done for nothing, so that the
    /// time taken does not tell whether there is one.
    pub(crate) async fn verify(
        &self,
        password: &SecretString,
        stored: Option<String>,
    ) -> Result<Verdict, Overloaded> {
        if password.expose_secret().len() > password::MAX_PASSWORD_BYTES {
            return Ok(Verdict::Wrong);
        }
        let password = password.clone();
        self.run(move || {
            if let Some(stored) = stored {
                verify(&password, &stored)
            } else {
                verify(&password, NOBODYS_HASH);
                Verdict::Wrong
            }
        })
        .await
    }

    /// Runs `work` on a thread for blocking work. The permit goes along: a request that is given up frees its place only
    /// once the memory is free.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| Overloaded)?
            .expect("nobody closes the semaphore");
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and the client will come back to another process.
            Err(_) => Overloaded,
        })
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &SecretString, salt: &[u8; 16]) -> String {
    argon2()
        .hash_password_with_salt(password.expose_secret().as_bytes(), salt)
        .expect("a password and a salt of bounded length can be hashed")
        .to_string()
}

/// Whether a password can be checked against what is stored.
pub(crate) fn is_readable(stored: &str) -> bool {
    PasswordHash::new(stored).is_ok()
}

fn verify(password: &SecretString, stored: &str) -> Verdict {
    let outdated = !stored.starts_with(TODAYS_PARAMETERS);
    let Ok(stored) = PasswordHash::new(stored) else {
        tracing::error!("a stored password hash is no PHC string");
        return Verdict::Wrong;
    };
    if argon2()
        .verify_password(password.expose_secret().as_bytes(), &stored)
        .is_err()
    {
        return Verdict::Wrong;
    }
    Verdict::Right { outdated }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashing() -> Hashing {
        Hashing::new(Entropy::seeded(1))
    }

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let hashing = hashing();
        let password = secret("lantern gravel mosaic");
        let hash = hashing.hash_new(&password, vec![]).await.unwrap().unwrap();
        assert!(hash.starts_with(TODAYS_PARAMETERS), "{hash}");
        assert_eq!(
            hashing.verify(&password, Some(hash.clone())).await,
            Ok(Verdict::Right { outdated: false })
        );
        assert_eq!(
            hashing
                .verify(&secret("lantern gravel mosaik"), Some(hash))
                .await,
            Ok(Verdict::Wrong)
        );
    }

    #[tokio::test]
    async fn a_hash_with_weaker_parameters_is_right_and_outdated() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8_192, 1, 1, None).unwrap(),
        );
        let hash = weak
            .hash_password_with_salt(b"lantern gravel mosaic", b"sixteen bytes ok")
            .unwrap()
            .to_string();
        assert_eq!(
            hashing()
                .verify(&secret("lantern gravel mosaic"), Some(hash))
                .await,
            Ok(Verdict::Right { outdated: true })
        );
    }

    #[tokio::test]
    async fn a_refused_password_is_not_hashed() {
        assert_eq!(
            hashing().hash_new(&secret("short"), vec![]).await,
            Ok(Err(PasswordFault::TooShort))
        );
    }

    #[test]
    fn nobodys_hash_costs_as_much_as_a_real_one() {
        assert!(NOBODYS_HASH.starts_with(TODAYS_PARAMETERS));
        let parsed = PasswordHash::new(NOBODYS_HASH).unwrap();
        assert_eq!(parsed.salt.unwrap().as_ref().len(), 16);
        assert_eq!(parsed.hash.unwrap().as_bytes().len(), 32);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_a_second_for_a_turn_is_turned_away() {
        let hashing = hashing();
        let places = u32::try_from(hashing.permits.available_permits()).unwrap();
        let _busy = hashing.permits.acquire_many(places).await.unwrap();
        assert_eq!(
            hashing.verify(&secret("anything"), None).await,
            Err(Overloaded)
        );
    }
}
