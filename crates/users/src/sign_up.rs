use anyhow::Context as _;
use kernel::{EmailAddress, Role, UserId};
use platform::flags::Flag;
use secrecy::SecretString;
use tracing::instrument;

use crate::change_profile::plain_name;
use crate::db::accounts::Account;
use crate::events::UserRegistered;
use crate::hashing::Overloaded;
use crate::jobs::{SendAlreadyRegistered, SendVerification};
use crate::password::PasswordFault;
use crate::{Users, db};

/// What a person says to get an account.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// Where they can be written to.
    pub email: EmailAddress,
    /// How they want to be addressed.
    pub name: String,
    /// The password they chose.
    pub password: SecretString,
}

/// What is wrong with a name and a password, together: whoever fills in a form is told everything at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignUpFaults {
    /// The name is empty, too long, or not one line of plain text.
    pub invalid_name: bool,
    /// Why the policy refuses the password.
    pub password: Option<PasswordFault>,
}

/// Why nobody could sign up. That the address has an account is no reason: whoever asks must not learn it.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// Something about the person is not as it must be.
    #[error("name or password are refused")]
    Refused(SignUpFaults),
    /// Too many passwords are being checked; trying again in a moment helps.
    #[error("too many passwords are being checked right now")]
    Overloaded,
    /// Nobody can sign up at present.
    #[error("new accounts cannot be made at present")]
    SignUpClosed,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Users {
    /// Makes an account whose address is yet to be verified. If the address has one, the outcome is the same, and a
    /// letter tells the owner instead.
    #[instrument(name = "users.sign_up", skip_all)]
    pub async fn sign_up(&self, command: SignUp) -> Result<(), SignUpError> {
        if !self.flags.is_on(Flag::SignUpOpen).await {
            return Err(SignUpError::SignUpClosed);
        }
        let Some(name) = plain_name(&command.name) else {
            let SignUp {
                email,
                name,
                password,
            } = &command;
            let faults = self.find_sign_up_faults(email.as_str(), name, password);
            return Err(SignUpError::Refused(faults.await?));
        };
        let about = self.known_about(command.email.as_str(), name);
        // Before the address is looked for: a known and an unknown one cost the same, and no connection waits meanwhile.
        let password_hash = self
            .hashing
            .hash_new(&command.password, about)
            .await
            .map_err(|Overloaded| SignUpError::Overloaded)?
            .map_err(|fault| {
                SignUpError::Refused(SignUpFaults {
                    invalid_name: false,
                    password: Some(fault),
                })
            })?;
        self.register(Account {
            id: UserId::generate(&self.clock, &self.entropy),
            name: name.to_owned(),
            email: command.email,
            email_verified_at: None,
            password_hash,
            role: Role::Customer,
            session_generation: 1,
            disabled_at: None,
            created_at: self.clock.now(),
        })
        .await?;
        Ok(())
    }

    /// What would be wrong with a name and a password, for somebody whose `email` is none or who cannot sign up as it is.
    pub async fn find_sign_up_faults(
        &self,
        email: &str,
        name: &str,
        password: &SecretString,
    ) -> Result<SignUpFaults, SignUpError> {
        let about = self.known_about(email, name);
        let judged = self.hashing.judge(password, about).await;
        let judged = judged.map_err(|Overloaded| SignUpError::Overloaded)?;
        Ok(SignUpFaults {
            invalid_name: plain_name(name).is_none(),
            password: judged.err(),
        })
    }

    /// What others know about a person, and try as their password first.
    pub(crate) fn known_about(&self, email: &str, name: &str) -> Vec<String> {
        // Names are short; what is none must not cost more to compare with.
        let name = name.chars().take(100).collect();
        let email = email.chars().take(254).collect();
        vec![email, name, self.letterhead.product_name.clone()]
    }

    async fn register(&self, account: Account) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        if db::accounts::insert(&mut tx, &account).await? {
            let mail = SendVerification {
                user_id: account.id,
            };
            self.jobs.enqueue(&mut tx, &mail).await?;
            let registered = UserRegistered {
                user_id: account.id,
                email: account.email,
                name: account.name,
            };
            self.events.publish(&mut tx, &registered).await?;
        } else if let Some(owner) = db::accounts::find_by_email(&mut tx, &account.email).await? {
            let mail = SendAlreadyRegistered { user_id: owner.id };
            self.jobs.enqueue(&mut tx, &mail).await?;
        }
        tx.commit().await.context("commit account")
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::testing::{PASSWORD, an_address, start};

    fn ann() -> SignUp {
        SignUp {
            email: an_address("ann"),
            name: " Ann Lee ".to_owned(),
            password: SecretString::from(PASSWORD),
        }
    }

    #[tokio::test]
    async fn a_new_person_can_sign_in_and_is_asked_to_verify_their_address() {
        let (platform, users) = start().await;

        users.sign_up(ann()).await.unwrap();

        let found = users.sign_in(&an_address("ann"), &ann().password).await;
        let found = found.unwrap();
        assert_eq!(found.name, "Ann Lee");
        assert_eq!(found.role, Role::Customer);
        assert!(!found.email_verified);
        assert_eq!(
            platform.jobs_of::<SendVerification>().await,
            [SendVerification { user_id: found.id }]
        );
        assert_eq!(
            platform.published::<UserRegistered>().await,
            [UserRegistered {
                user_id: found.id,
                email: an_address("ann"),
                name: "Ann Lee".to_owned(),
            }]
        );
    }

    #[tokio::test]
    async fn an_address_with_an_account_is_told_so_by_mail_alone() {
        let (platform, users) = start().await;
        let owner = users.a_customer("ann").await;
        let mut stranger = ann();
        stranger.email = an_address("ANN");
        stranger.password = SecretString::from("copper-thistle-harbour-3");

        users.sign_up(stranger.clone()).await.unwrap();

        assert_eq!(
            platform.jobs_of::<SendAlreadyRegistered>().await,
            [SendAlreadyRegistered { user_id: owner }]
        );
        assert_eq!(platform.jobs_waiting().await.len(), 1);
        assert!(platform.published::<UserRegistered>().await.is_empty());
        let intruder = users.sign_in(&stranger.email, &stranger.password).await;
        assert!(intruder.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_who_sign_up_at_once_with_one_address_one_is_registered() {
        let (platform, users) = start().await;
        let mut people = JoinSet::new();
        for _ in 0..2 {
            let users = users.clone();
            people.spawn(async move { users.sign_up(ann()).await });
        }

        for signed_up in people.join_all().await {
            signed_up.unwrap();
        }

        assert_eq!(platform.jobs_of::<SendVerification>().await.len(), 1);
        assert_eq!(platform.jobs_of::<SendAlreadyRegistered>().await.len(), 1);
        assert_eq!(platform.published::<UserRegistered>().await.len(), 1);
    }

    #[tokio::test]
    async fn a_password_made_of_the_address_or_the_name_is_refused() {
        let (platform, users) = start().await;
        for password in ["ann@example.com", "annleeannleeannlee"] {
            let mut command = ann();
            command.password = SecretString::from(password);
            let signed_up = users.sign_up(command).await;
            assert!(
                matches!(
                    signed_up,
                    Err(SignUpError::Refused(SignUpFaults {
                        invalid_name: false,
                        password: Some(PasswordFault::TooGuessable),
                    }))
                ),
                "{password}"
            );
        }
        assert!(platform.jobs_waiting().await.is_empty());
    }

    #[tokio::test]
    async fn everything_that_is_wrong_is_told_at_once() {
        let (platform, users) = start().await;
        let mut command = ann();
        command.name = "\u{200b}".to_owned();
        command.password = SecretString::from("short");
        let signed_up = users.sign_up(command).await;
        let Err(SignUpError::Refused(faults)) = signed_up else {
            panic!("{signed_up:?}")
        };
        assert!(faults.invalid_name);
        assert_eq!(faults.password, Some(PasswordFault::TooShort));
        assert!(platform.jobs_waiting().await.is_empty());
    }

    #[tokio::test]
    async fn nobody_signs_up_while_sign_up_is_closed() {
        let (platform, users) = start().await;
        platform.set_flag(Flag::SignUpOpen, false).await;

        let signed_up = users.sign_up(ann()).await;

        assert!(matches!(signed_up, Err(SignUpError::SignUpClosed)));
        assert!(platform.jobs_waiting().await.is_empty());
    }
}
