use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{money, unreadable};
use crate::ledger::{AccountBalance, Booking};

/// Writes a transaction and its entries. The database checks at commit that they sum to zero.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    booking: &Booking,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO billing.ledger_transactions (id, kind, recorded_at) VALUES ($1, $2, $3)",
        booking.cause,
        booking.kind,
        now,
    )
    .execute(&mut *connection)
    .await?;
    let accounts: Vec<_> = booking
        .entries
        .iter()
        .map(|it| it.account.as_str().to_owned())
        .collect();
    let amounts: Vec<_> = booking.entries.iter().map(|it| it.amount.minor()).collect();
    let currencies: Vec<_> = booking
        .entries
        .iter()
        .map(|it| it.amount.currency().code().to_owned())
        .collect();
    sqlx::query!(
        "INSERT INTO billing.ledger_entries (transaction_id, account, amount, currency)
         SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[])",
        booking.cause,
        &accounts,
        &amounts,
        &currencies,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What stands in each account, per currency.
pub(crate) async fn balances(connection: &mut PgConnection) -> sqlx::Result<Vec<AccountBalance>> {
    sqlx::query!(
        r#"SELECT account, currency, sum(amount)::bigint AS "balance!"
         FROM billing.ledger_entries
         -- waive scan: an audit of all that was ever booked, which no request waits for
         -- waive sort: two accounts in a few currencies
         GROUP BY account, currency
         ORDER BY account, currency"#,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        Ok(AccountBalance {
            account: row.account.parse().map_err(unreadable)?,
            balance: money(row.balance, &row.currency)?,
        })
    })
    .collect()
}

/// Payments and refunds that have changed hands without being booked, and the other way round.
pub(crate) async fn count_unbooked(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
         FROM (
             SELECT id FROM billing.payments WHERE status IN ('succeeded', 'refunded')
             UNION ALL SELECT id FROM billing.refunds WHERE status = 'succeeded'
         ) AS moved
         FULL JOIN billing.ledger_transactions AS booked ON booked.id = moved.id
         -- waive scan: an audit of all that was ever booked, which no request waits for
         WHERE moved.id IS NULL OR booked.id IS NULL"#,
    )
    .fetch_one(connection)
    .await
}
