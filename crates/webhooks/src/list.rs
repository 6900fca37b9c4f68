use kernel::UserId;
use tracing::instrument;

use crate::endpoint::Endpoint;
use crate::{Webhooks, db};

impl Webhooks {
    /// The person's endpoints, in the order in which they came: at most [`crate::MAX_ENDPOINTS`].
    ///
    /// # Errors
    /// If the database cannot be reached.
    #[instrument(name = "webhooks.list", skip_all)]
    pub async fn list(&self, user_id: UserId) -> anyhow::Result<Vec<Endpoint>> {
        let mut connection = self.db.acquire().await?;
        db::endpoints::list(&mut connection, user_id).await
    }
}
