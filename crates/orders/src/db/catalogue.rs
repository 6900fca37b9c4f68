use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use kernel::ProductId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::money;
use crate::order::OrderLine;
use crate::product::{Category, Product};

struct ProductRow {
    id: Uuid,
    slug: String,
    category: String,
    title: String,
    summary: String,
    description: String,
    price: i64,
    currency: String,
    stock: i32,
    picture: String,
}

/// Selects products. The columns stand here once, for every way of finding them.
macro_rules! select_products {
    ($tail:literal $(, $value:expr)*) => {
        sqlx::query_as!(
            ProductRow,
            r#"SELECT id, slug, category, title, summary, description, price, currency,
                      CASE WHEN active THEN stock ELSE 0 END AS "stock!", picture
               FROM orders.products "# + $tail
            $(, $value)*
        )
    };
}

pub(crate) async fn list_categories(
    connection: &mut PgConnection,
) -> anyhow::Result<Vec<Category>> {
    sqlx::query_as!(
        Category,
        "SELECT slug, title FROM orders.categories ORDER BY position"
    )
    .fetch_all(connection)
    .await
    .context("list categories")
}

/// The products on the shelves with ids below `below`, newest first.
pub(crate) async fn list_products(
    connection: &mut PgConnection,
    below: ProductId,
    rows: i64,
) -> anyhow::Result<Vec<Product>> {
    let rows = select_products!(
        "WHERE active AND id < $1 ORDER BY id DESC LIMIT $2",
        below.as_uuid(),
        rows
    );
    products(rows.fetch_all(connection).await)
}

/// The products on the shelf `category` with ids below `below`, newest first.
pub(crate) async fn list_category(
    connection: &mut PgConnection,
    category: &str,
    below: ProductId,
    rows: i64,
) -> anyhow::Result<Vec<Product>> {
    let rows = select_products!(
        "WHERE active AND category = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        category,
        below.as_uuid(),
        rows
    );
    products(rows.fetch_all(connection).await)
}

/// The product of this slug, if it is on the shelves.
pub(crate) async fn find_product(
    connection: &mut PgConnection,
    slug: &str,
) -> anyhow::Result<Option<Product>> {
    let rows = select_products!("WHERE active AND slug = $1", slug);
    Ok(products(rows.fetch_all(connection).await)?.pop())
}

/// The product of this id, if it is on the shelves.
pub(crate) async fn find_product_by_id(
    connection: &mut PgConnection,
    id: ProductId,
) -> anyhow::Result<Option<Product>> {
    let rows = select_products!("WHERE active AND id = $1", id.as_uuid());
    Ok(products(rows.fetch_all(connection).await)?.pop())
}

/// These products, on the shelves or not, by id.
pub(crate) async fn products_by_id(
    connection: &mut PgConnection,
    ids: &[ProductId],
) -> anyhow::Result<Vec<Product>> {
    let rows = select_products!("WHERE id = ANY($1) ORDER BY id", &uuids(ids));
    products(rows.fetch_all(connection).await)
}

/// Like [`products_by_id`], and holds their prices and stock still until the transaction ends.
///
/// Everybody locks in the order of the ids, so no two transactions wait for each other. `NO KEY`, because a cart that
/// takes a product in only needs the product to exist and should not wait.
pub(crate) async fn lock_products(
    connection: &mut PgConnection,
    ids: &[ProductId],
) -> anyhow::Result<Vec<Product>> {
    let rows = select_products!(
        "WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
        &uuids(ids)
    );
    products(rows.fetch_all(connection).await)
}

/// The ids of products that match `words`, best first, and how well: those that rank behind `(rank, id)`.
pub(crate) async fn search(
    connection: &mut PgConnection,
    words: &str,
    category: Option<&str>,
    (rank, id): (f32, ProductId),
    rows: i64,
) -> anyhow::Result<Vec<(f32, ProductId)>> {
    let rows = sqlx::query!(
        r#"SELECT id, ts_rank(search, query) AS "rank!"
           FROM orders.products, websearch_to_tsquery('english', $1) AS query
           -- waive filter: how well a product matches is known when it is read; the words have left few
           -- waive sort: the same products, by how well they match
           WHERE active AND search @@ query AND ($2::text IS NULL OR category = $2)
             AND (ts_rank(search, query), id) < ($3::real, $4::uuid)
           ORDER BY ts_rank(search, query) DESC, id DESC
           LIMIT $5"#,
        words,
        category,
        rank,
        id.as_uuid(),
        rows,
    )
    .fetch_all(connection)
    .await
    .context("search products")?;
    Ok(rows
        .into_iter()
        .map(|row| (row.rank, ProductId::from_uuid(row.id)))
        .collect())
}

/// Takes what was ordered off the shelves. The caller has locked the products and seen that there is enough.
pub(crate) async fn take_stock(
    connection: &mut PgConnection,
    lines: &[OrderLine],
) -> anyhow::Result<()> {
    let (ids, quantities) = ids_and_quantities(lines);
    let taken = sqlx::query!(
        "UPDATE orders.products SET stock = stock - ordered.quantity
         FROM unnest($1::uuid[], $2::int[]) AS ordered (product_id, quantity)
         WHERE id = ordered.product_id AND stock >= ordered.quantity",
        &ids,
        &quantities,
    )
    .execute(connection)
    .await
    .context("take stock")?
    .rows_affected();
    ensure!(taken == lines.len() as u64, "stock was gone under its lock");
    Ok(())
}

/// Puts back what [`take_stock`] took.
pub(crate) async fn return_stock(
    connection: &mut PgConnection,
    lines: &[OrderLine],
) -> anyhow::Result<()> {
    let ids: Vec<_> = lines.iter().map(|line| line.product_id).collect();
    lock_products(connection, &ids).await?;
    let (ids, quantities) = ids_and_quantities(lines);
    sqlx::query!(
        "UPDATE orders.products SET stock = stock + returned.quantity
         FROM unnest($1::uuid[], $2::int[]) AS returned (product_id, quantity)
         WHERE id = returned.product_id",
        &ids,
        &quantities,
    )
    .execute(connection)
    .await
    .context("return stock")?;
    Ok(())
}

/// Adds categories to the end of the menu; those that are there stay as they are.
pub(crate) async fn add_categories(
    connection: &mut PgConnection,
    categories: &[Category],
) -> anyhow::Result<()> {
    let (slugs, titles): (Vec<_>, Vec<_>) = categories
        .iter()
        .map(|category| (category.slug.clone(), category.title.clone()))
        .unzip();
    // Positions are counted, so whoever adds at the same moment waits until it can see them.
    sqlx::query!("SELECT FROM pg_advisory_xact_lock(hashtext('orders.categories'))")
        .execute(&mut *connection)
        .await
        .context("lock the menu")?;
    sqlx::query!(
        "INSERT INTO orders.categories (slug, title, position)
         SELECT slug, title, nth + (SELECT coalesce(max(position), 0) FROM orders.categories)
         FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS added (slug, title, nth)
         ON CONFLICT (slug) DO NOTHING",
        &slugs,
        &titles,
    )
    .execute(connection)
    .await
    .context("add categories")?;
    Ok(())
}

/// Puts a product on its shelf, unless one of its slug is there.
pub(crate) async fn add_product(
    connection: &mut PgConnection,
    product: &Product,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    sqlx::query!(
        "INSERT INTO orders.products
             (id, slug, category, title, summary, description, price, currency, stock, picture, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (slug) DO NOTHING",
        product.id.as_uuid(),
        product.slug,
        product.category,
        product.title,
        product.summary,
        product.description,
        product.price.minor(),
        product.price.currency().code(),
        i32::try_from(product.stock).context("stock beyond what a row holds")?,
        product.picture,
        now,
    )
    .execute(connection)
    .await
    .context("add product")?;
    Ok(())
}

fn uuids(ids: &[ProductId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.as_uuid()).collect()
}

fn ids_and_quantities(lines: &[OrderLine]) -> (Vec<Uuid>, Vec<i32>) {
    lines
        .iter()
        .map(|line| (line.product_id.as_uuid(), line.quantity.to_db()))
        .unzip()
}

fn products(rows: sqlx::Result<Vec<ProductRow>>) -> anyhow::Result<Vec<Product>> {
    rows.context("select products")?
        .into_iter()
        .map(Product::try_from)
        .collect()
}

impl TryFrom<ProductRow> for Product {
    type Error = anyhow::Error;

    fn try_from(row: ProductRow) -> anyhow::Result<Self> {
        Ok(Self {
            id: ProductId::from_uuid(row.id),
            slug: row.slug,
            category: row.category,
            title: row.title,
            summary: row.summary,
            description: row.description,
            price: money(row.price, &row.currency)?,
            stock: row.stock.try_into().context("read stock")?,
            picture: row.picture,
        })
    }
}
