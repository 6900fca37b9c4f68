use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use kernel::{CartId, ProductId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::cart::{Cart, CartLine, CartOwner, Quantity};
use crate::db;
use crate::product::Product;

/// The two columns that tell whose a cart is, one of them empty.
fn columns(owner: &CartOwner) -> (Option<Uuid>, Option<&[u8]>) {
    match owner {
        CartOwner::User(user_id) => (Some(user_id.as_uuid()), None),
        CartOwner::Anonymous(hash) => (None, Some(hash.as_bytes())),
    }
}

/// The owner's cart, locked and marked as changed; a new one called `id` if there was none.
pub(crate) async fn open(
    connection: &mut PgConnection,
    id: CartId,
    owner: &CartOwner,
    now: DateTime<Utc>,
) -> anyhow::Result<CartId> {
    let opened = match owner {
        CartOwner::User(user_id) => {
            sqlx::query_scalar!(
                "INSERT INTO orders.carts (id, user_id, changed_at) VALUES ($1, $2, $3)
                 ON CONFLICT (user_id) DO UPDATE SET changed_at = excluded.changed_at
                 RETURNING id",
                id.as_uuid(),
                user_id.as_uuid(),
                now,
            )
            .fetch_one(connection)
            .await
        }
        CartOwner::Anonymous(hash) => {
            sqlx::query_scalar!(
                "INSERT INTO orders.carts (id, token_hash, changed_at) VALUES ($1, $2, $3)
                 ON CONFLICT (token_hash) DO UPDATE SET changed_at = excluded.changed_at
                 RETURNING id",
                id.as_uuid(),
                hash.as_bytes(),
                now,
            )
            .fetch_one(connection)
            .await
        }
    };
    Ok(CartId::from_uuid(opened.context("open cart")?))
}

/// The owner's cart, locked until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    owner: &CartOwner,
) -> anyhow::Result<Option<CartId>> {
    let (user_id, token_hash) = columns(owner);
    let id = sqlx::query_scalar!(
        "SELECT id FROM orders.carts WHERE user_id = $1 OR token_hash = $2 FOR UPDATE",
        user_id,
        token_hash,
    )
    .fetch_optional(connection)
    .await
    .context("lock cart")?;
    Ok(id.map(CartId::from_uuid))
}

/// The owner's cart; an empty one if there is none.
pub(crate) async fn load(connection: &mut PgConnection, owner: &CartOwner) -> anyhow::Result<Cart> {
    let (ids, quantities) = contents(connection, owner).await?;
    let products = db::catalogue::products_by_id(connection, &ids).await?;
    assemble(products, quantities)
}

/// Like [`load`], and holds the prices and the stock of what is in the cart still until the transaction ends.
pub(crate) async fn load_and_lock_products(
    connection: &mut PgConnection,
    owner: &CartOwner,
) -> anyhow::Result<Cart> {
    let (ids, quantities) = contents(connection, owner).await?;
    let products = db::catalogue::lock_products(connection, &ids).await?;
    assemble(products, quantities)
}

/// What the owner's cart holds, in the order of the products' ids.
async fn contents(
    connection: &mut PgConnection,
    owner: &CartOwner,
) -> anyhow::Result<(Vec<ProductId>, Vec<i32>)> {
    let (user_id, token_hash) = columns(owner);
    let lines = sqlx::query!(
        "SELECT product_id, quantity FROM orders.cart_lines JOIN orders.carts ON id = cart_id
         WHERE user_id = $1 OR token_hash = $2
         -- waive sort: the lines of one cart, put there one by one
         ORDER BY product_id",
        user_id,
        token_hash,
    )
    .fetch_all(connection)
    .await
    .context("select cart lines")?;
    Ok(lines
        .into_iter()
        .map(|line| (ProductId::from_uuid(line.product_id), line.quantity))
        .unzip())
}

fn assemble(products: Vec<Product>, quantities: Vec<i32>) -> anyhow::Result<Cart> {
    ensure!(
        products.len() == quantities.len(),
        "a cart line without a product"
    );
    let lines = products
        .into_iter()
        .zip(quantities)
        .map(|(product, quantity)| Ok(CartLine::new(product, Quantity::from_db(quantity)?)?))
        .collect::<anyhow::Result<_>>()?;
    Cart::new(lines).context("sum up cart")
}

/// How many pieces the owner's cart holds.
pub(crate) async fn count(connection: &mut PgConnection, owner: &CartOwner) -> anyhow::Result<u32> {
    let (user_id, token_hash) = columns(owner);
    let count = sqlx::query_scalar!(
        r#"SELECT COALESCE(sum(quantity), 0) AS "count!"
           FROM orders.cart_lines JOIN orders.carts ON id = cart_id
           WHERE user_id = $1 OR token_hash = $2"#,
        user_id,
        token_hash,
    )
    .fetch_one(connection)
    .await
    .context("count cart lines")?;
    u32::try_from(count).context("read count")
}

/// Gives products of the cart these quantities, whether it held them before or not.
pub(crate) async fn put(
    connection: &mut PgConnection,
    id: CartId,
    lines: &[(ProductId, Quantity)],
) -> anyhow::Result<()> {
    let (products, quantities): (Vec<_>, Vec<_>) = lines
        .iter()
        .map(|(product_id, quantity)| (product_id.as_uuid(), quantity.to_db()))
        .unzip();
    sqlx::query!(
        "INSERT INTO orders.cart_lines (cart_id, product_id, quantity)
         SELECT $1, * FROM unnest($2::uuid[], $3::int[])
         ON CONFLICT (cart_id, product_id) DO UPDATE SET quantity = excluded.quantity",
        id.as_uuid(),
        &products,
        &quantities,
    )
    .execute(connection)
    .await
    .context("put into cart")?;
    Ok(())
}

/// Changes the quantity of a product; `false` if the cart does not hold it.
pub(crate) async fn set_quantity(
    connection: &mut PgConnection,
    id: CartId,
    product_id: ProductId,
    quantity: Quantity,
) -> anyhow::Result<bool> {
    let changed = sqlx::query!(
        "UPDATE orders.cart_lines SET quantity = $3 WHERE cart_id = $1 AND product_id = $2",
        id.as_uuid(),
        product_id.as_uuid(),
        quantity.to_db(),
    )
    .execute(connection)
    .await
    .context("set quantity in cart")?;
    Ok(changed.rows_affected() == 1)
}

/// Takes a product out, if the cart holds it.
pub(crate) async fn remove(
    connection: &mut PgConnection,
    id: CartId,
    product_id: ProductId,
) -> anyhow::Result<()> {
    sqlx::query!(
        "DELETE FROM orders.cart_lines WHERE cart_id = $1 AND product_id = $2",
        id.as_uuid(),
        product_id.as_uuid(),
    )
    .execute(connection)
    .await
    .context("remove from cart")?;
    Ok(())
}

/// Takes everything out.
pub(crate) async fn empty(connection: &mut PgConnection, id: CartId) -> anyhow::Result<()> {
    sqlx::query!(
        "DELETE FROM orders.cart_lines WHERE cart_id = $1",
        id.as_uuid()
    )
    .execute(connection)
    .await
    .context("empty cart")?;
    Ok(())
}

/// Deletes a cart and what it holds.
pub(crate) async fn delete(connection: &mut PgConnection, id: CartId) -> anyhow::Result<()> {
    sqlx::query!("DELETE FROM orders.carts WHERE id = $1", id.as_uuid())
        .execute(connection)
        .await
        .context("delete cart")?;
    Ok(())
}

/// Deletes up to 1,000 carts of browsers that were last changed before `before`. One that somebody is changing just now
/// is skipped: it is not abandoned after all.
pub(crate) async fn purge(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> anyhow::Result<u64> {
    let purged = sqlx::query!(
        "DELETE FROM orders.carts WHERE id IN (
             SELECT id FROM orders.carts
             WHERE token_hash IS NOT NULL AND changed_at < $1
             ORDER BY changed_at
             LIMIT 1000
             FOR UPDATE SKIP LOCKED
         )",
        before,
    )
    .execute(connection)
    .await
    .context("purge carts")?;
    Ok(purged.rows_affected())
}
