use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{EndpointId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::endpoint::{Description, Endpoint};
use crate::endpoint_url::EndpointUrl;
use crate::event_kind::{EventKind, Subscription};

struct Row {
    id: Uuid,
    user_id: Uuid,
    url: String,
    description: String,
    events: Option<Vec<String>>,
    status: String,
    secret_generation: i32,
    previous_secret_until: Option<DateTime<Utc>>,
    failures: i32,
    failing_since: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Endpoint {
    type Error = anyhow::Error;

    fn try_from(row: Row) -> anyhow::Result<Self> {
        // A kind that only the next release knows is not this one's to tell of.
        let kinds =
            |names: Vec<String>| names.iter().filter_map(|name| name.parse().ok()).collect();
        Ok(Self {
            id: EndpointId::from_uuid(row.id),
            user_id: UserId::from_uuid(row.user_id),
            url: EndpointUrl::from_db(&row.url).context("read an endpoint's address")?,
            description: Description::from_db(row.description),
            events: row
                .events
                .map_or(Subscription::All, |names| Subscription::Only(kinds(names))),
            status: row.status.parse().context("read an endpoint's status")?,
            secret_generation: row.secret_generation,
            previous_secret_until: row.previous_secret_until,
            failures: row.failures,
            failing_since: row.failing_since,
            created_at: row.created_at,
        })
    }
}

/// Endpoints, with the rest of the statement in the caller's hand.
macro_rules! select_endpoints {
    ($rest:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT id, user_id, url, description, events, status, secret_generation, previous_secret_until, failures,
                 failing_since, created_at
             FROM webhooks.endpoints " + $rest,
            $($argument),+
        )
    };
}

/// Has whoever registers an endpoint for the same person wait, so that both are counted.
pub(crate) async fn lock_list(
    connection: &mut PgConnection,
    user_id: UserId,
) -> anyhow::Result<()> {
    sqlx::query!(
        "SELECT FROM pg_advisory_xact_lock(hashtextextended('webhooks.endpoints ' || $1::uuid::text, 0))",
        user_id.as_uuid(),
    )
    .execute(connection)
    .await
    .context("lock a person's endpoints")?;
    Ok(())
}

/// A person's endpoints, in the order in which they came.
pub(crate) async fn list(
    connection: &mut PgConnection,
    user_id: UserId,
) -> anyhow::Result<Vec<Endpoint>> {
    let rows = select_endpoints!("WHERE user_id = $1 ORDER BY id", user_id.as_uuid(),)
        .fetch_all(connection)
        .await
        .context("list endpoints")?;
    rows.into_iter().map(Endpoint::try_from).collect()
}

/// One of the person's endpoints.
pub(crate) async fn find_own(
    connection: &mut PgConnection,
    user_id: UserId,
    id: EndpointId,
) -> anyhow::Result<Option<Endpoint>> {
    let row = select_endpoints!(
        "WHERE id = $1 AND user_id = $2",
        id.as_uuid(),
        user_id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
    .context("find endpoint")?;
    row.map(Endpoint::try_from).transpose()
}

/// One of the person's endpoints, locked until the transaction ends. Whoever changes a delivery locks its endpoint first.
pub(crate) async fn lock_own(
    connection: &mut PgConnection,
    user_id: UserId,
    id: EndpointId,
) -> anyhow::Result<Option<Endpoint>> {
    let row = select_endpoints!(
        "WHERE id = $1 AND user_id = $2 FOR UPDATE",
        id.as_uuid(),
        user_id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
    .context("lock endpoint")?;
    row.map(Endpoint::try_from).transpose()
}

/// An endpoint, whoever it belongs to.
pub(crate) async fn find(
    connection: &mut PgConnection,
    id: EndpointId,
) -> anyhow::Result<Option<Endpoint>> {
    let row = select_endpoints!("WHERE id = $1", id.as_uuid(),)
        .fetch_optional(connection)
        .await
        .context("find endpoint")?;
    row.map(Endpoint::try_from).transpose()
}

/// An endpoint, whoever it belongs to, locked until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    id: EndpointId,
) -> anyhow::Result<Option<Endpoint>> {
    let row = select_endpoints!("WHERE id = $1 FOR UPDATE", id.as_uuid(),)
        .fetch_optional(connection)
        .await
        .context("lock endpoint")?;
    row.map(Endpoint::try_from).transpose()
}

/// Adds an endpoint.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    endpoint: &Endpoint,
) -> anyhow::Result<()> {
    let events = match &endpoint.events {
        Subscription::All => None,
        Subscription::Only(kinds) => Some(names(kinds)),
    };
    sqlx::query!(
        "INSERT INTO webhooks.endpoints (id, user_id, url, description, events, status, secret_generation, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        endpoint.id.as_uuid(),
        endpoint.user_id.as_uuid(),
        endpoint.url.as_str(),
        endpoint.description.as_str(),
        events.as_deref(),
        endpoint.status.as_str(),
        endpoint.secret_generation,
        endpoint.created_at,
    )
    .execute(connection)
    .await
    .context("insert endpoint")?;
    Ok(())
}

fn names<'a>(kinds: impl IntoIterator<Item = &'a EventKind>) -> Vec<String> {
    let names = kinds.into_iter().map(|kind| kind.as_str().to_owned());
    names.collect()
}

/// Writes what can change of an endpoint.
pub(crate) async fn update(
    connection: &mut PgConnection,
    endpoint: &Endpoint,
) -> anyhow::Result<()> {
    let updated = sqlx::query!(
        "UPDATE webhooks.endpoints
         SET status = $2, secret_generation = $3, previous_secret_until = $4, failures = $5, failing_since = $6
         WHERE id = $1",
        endpoint.id.as_uuid(),
        endpoint.status.as_str(),
        endpoint.secret_generation,
        endpoint.previous_secret_until,
        endpoint.failures,
        endpoint.failing_since,
    )
    .execute(connection)
    .await
    .context("update endpoint")?;
    anyhow::ensure!(
        updated.rows_affected() == 1,
        "the endpoint is locked and gone"
    );
    Ok(())
}

/// Deletes one of the person's endpoints with all its deliveries; returns whether there was one.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    user_id: UserId,
    id: EndpointId,
) -> anyhow::Result<bool> {
    let deleted = sqlx::query!(
        "DELETE FROM webhooks.endpoints WHERE id = $1 AND user_id = $2",
        id.as_uuid(),
        user_id.as_uuid(),
    )
    .execute(connection)
    .await
    .context("delete endpoint")?;
    Ok(deleted.rows_affected() == 1)
}
