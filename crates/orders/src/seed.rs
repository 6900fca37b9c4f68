//! The demo shop: 66 products on six shelves, and orders that stand wherever an order can stand.

mod motifs;
mod photo;
mod picture;

use anyhow::Context as _;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, Currency, EmailAddress, Money, PageRequest, ProductId, UserId};
use platform::storage::ObjectKey;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::address::{Address, AddressLine, Country};
use crate::cart::CartOwner;
use crate::order::{Order, OrderStatus};
use crate::place::PlaceOrder;
use crate::product::{Category, Product};
use crate::{Orders, db};

/// Who places the demo orders.
#[derive(Clone, Debug)]
pub struct DemoCustomer {
    /// Their id.
    pub user_id: UserId,
    /// Their name.
    pub name: String,
    /// Their address for letters.
    pub email: EmailAddress,
}

/// An order that was placed for show.
#[derive(Clone, Debug)]
pub struct DemoOrder {
    /// The order, as it was placed.
    pub order: Order,
    /// Where it is to stand in the end. How it gets there is for the whole application to bring about: a paid order needs
    /// a payment.
    pub becomes: OrderStatus,
}

#[derive(Deserialize)]
struct Shelf {
    slug: String,
    title: String,
    products: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    title: String,
    summary: String,
    description: String,
    price: i64,
    stock: u32,
    motif: String,
    colours: String,
}

#[derive(Deserialize)]
struct Basket {
    lines: Vec<(String, u32)>,
    hours_ago: i64,
    becomes: OrderStatus,
    /// What the customer calls the photo that they attach two days later.
    #[serde(default)]
    photo: Option<String>,
}

impl Orders {
    /// Fills the shelves of the demo shop. Products that stand there already stay as they are.
    pub async fn seed_catalogue(&self, currency: Currency) -> anyhow::Result<()> {
        let shelves = shelves()?;
        let mut products = Vec::new();
        for (position, shelf) in shelves.iter().enumerate() {
            for item in &shelf.products {
                products.push(
                    self.seed_product(position, &shelf.slug, item, currency)
                        .await?,
                );
            }
        }
        // Ids made later are listed first: in a shuffled order, the first page shows something of each shelf.
        products.sort_by_cached_key(|product| Sha256::digest(&product.slug));
        let categories: Vec<_> = shelves
            .into_iter()
            .map(|Shelf { slug, title, .. }| Category { slug, title })
            .collect();

        let mut tx = self.db.begin().await?;
        db::catalogue::add_categories(&mut tx, &categories).await?;
        for product in products {
            db::catalogue::add_product(&mut tx, &product, self.clock.now()).await?;
        }
        tx.commit().await.context("commit catalogue")
    }

    /// Draws and stores a product's picture; the product itself is still to be inserted.
    async fn seed_product(
        &self,
        position: usize,
        category: &str,
        item: &Item,
        currency: Currency,
    ) -> anyhow::Result<Product> {
        let slug = slug_of(&item.title);
        let picture = picture::picture(&slug, position, &item.motif, &item.colours)
            .with_context(|| format!("no motif or colours for {slug}"))?;
        // The name changes with the content, so a browser never shows a picture of the past.
        let digest = hex::encode(&Sha256::digest(&picture)[..4]);
        let name = format!("{slug}-{digest}.svg");
        let key = ObjectKey::new(format!("products/{name}"))?;
        self.storage
            .put(&key, "image/svg+xml", Bytes::from(picture))
            .await
            .context("store picture")?;
        Ok(Product {
            id: ProductId::generate(&self.clock, &self.entropy),
            slug,
            category: category.to_owned(),
            title: item.title.clone(),
            summary: item.summary.clone(),
            description: item.description.clone(),
            price: Money::new(item.price, currency),
            stock: item.stock,
            picture: name,
        })
    }

    /// Places the demo orders of a customer who has none yet, back in time.
    pub async fn seed_orders(&self, customer: &DemoCustomer) -> anyhow::Result<Vec<DemoOrder>> {
        let known = self.list(customer.user_id, &PageRequest::default()).await?;
        if !known.items.is_empty() {
            return Ok(Vec::new());
        }
        let mut orders = Vec::new();
        for basket in baskets()? {
            let placed_at = self.clock.now() - TimeDelta::hours(basket.hours_ago);
            let then = self.at(placed_at);
            let order = then.seed_order(customer, &basket.lines).await?;
            if let Some(name) = basket.photo {
                let later = self.at(placed_at + TimeDelta::days(2));
                let photo = photo::of_a_dented_parcel()?;
                later
                    .attach(customer.user_id, order.number, &name, photo)
                    .await?;
            }
            orders.push(DemoOrder {
                order,
                becomes: basket.becomes,
            });
        }
        Ok(orders)
    }

    /// The module as it was at another time, to give demo data a past.
    #[must_use]
    pub fn at(&self, time: DateTime<Utc>) -> Self {
        Self {
            clock: Clock::fixed(time),
            ..self.clone()
        }
    }

    async fn seed_order(
        &self,
        customer: &DemoCustomer,
        lines: &[(String, u32)],
    ) -> anyhow::Result<Order> {
        let owner = CartOwner::User(customer.user_id);
        for (slug, quantity) in lines {
            let product = self.get_product(slug).await?;
            self.add_to_cart(&owner, product.id, (*quantity).try_into()?)
                .await?;
        }
        let cart = self.show_cart(&owner).await?;
        let command = PlaceOrder {
            email: customer.email.clone(),
            delivery: Address {
                name: AddressLine::parse(&customer.name)?,
                street: AddressLine::parse("Hafenstraße 12")?,
                postal_code: AddressLine::parse("20457")?,
                city: AddressLine::parse("Hamburg")?,
                country: Country::parse("DE")?,
            },
            expected_total: cart.total.context("an empty basket")?,
        };
        Ok(self.place(customer.user_id, command).await?)
    }
}

fn shelves() -> anyhow::Result<Vec<Shelf>> {
    // Not fuzzed: a part of the program.
    serde_json::from_str(include_str!("seed/catalogue.json")).context("read the demo catalogue")
}

fn baskets() -> anyhow::Result<Vec<Basket>> {
    // Not fuzzed: a part of the program.
    serde_json::from_str(include_str!("seed/orders.json")).context("read the demo orders")
}

/// The title in small letters, with a dash for whatever is none.
fn slug_of(title: &str) -> String {
    let words: Vec<_> = title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
