use anyhow::anyhow;
use kernel::UserId;
use kernel::text::is_visible_line;
use tracing::instrument;

use crate::{Users, db};

/// Why the name stayed as it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeNameError {
    /// Empty, too long, or not one line of plain text.
    #[error("use 1 to 100 characters of plain text")]
    InvalidName,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Users {
    /// Changes how the person is addressed.
    #[instrument(name = "users.change_name", skip_all)]
    pub async fn change_name(&self, user_id: UserId, name: &str) -> Result<(), ChangeNameError> {
        let name = plain_name(name).ok_or(ChangeNameError::InvalidName)?;
        let mut connection = self.db.acquire().await?;
        let now = self.clock.now();
        if db::accounts::set_name(&mut connection, user_id, name, now).await? {
            Ok(())
        } else {
            Err(anyhow!("there is no account {user_id}").into())
        }
    }
}

/// The name without the white space around it, if it has 1 to 100 characters that read as one line. So it cannot break out
/// of a mail header either.
pub(crate) fn plain_name(name: &str) -> Option<&str> {
    let name = name.trim();
    let valid = name.chars().count() <= 100 && is_visible_line(name);
    valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::start;

    #[tokio::test]
    async fn a_person_is_addressed_by_their_new_name() {
        let (_platform, users) = start().await;
        let ann = users.a_customer("ann").await;

        users.change_name(ann, "  Anna Lee ").await.unwrap();

        assert_eq!(users.profile(ann).await.unwrap().name, "Anna Lee");
    }

    #[tokio::test]
    async fn a_refused_name_changes_nothing() {
        let (_platform, users) = start().await;
        let ann = users.a_customer("ann").await;

        let changed = users.change_name(ann, "Ann\r\nBcc: bob").await;

        assert!(matches!(changed, Err(ChangeNameError::InvalidName)));
        assert_eq!(users.profile(ann).await.unwrap().name, "Ann");
    }

    #[test]
    fn a_name_is_one_line_of_at_most_100_characters() {
        let (longest, too_long) = ("ü".repeat(100), "ü".repeat(101));
        assert_eq!(plain_name(&longest), Some(longest.as_str()));
        for name in [
            too_long.as_str(),
            "",
            " \u{a0} ",
            "Ann\nLee",
            "Ann\0",
            "\u{200b}",
            "Ann\u{202e}eeL",
        ] {
            assert_eq!(plain_name(name), None, "{name:?}");
        }
    }
}
