//! Builders for tests, here and in the crates above. Each goes through the module's own use cases, so what it builds can
//! exist. They panic where something goes wrong.

#![expect(clippy::missing_panics_doc, reason = "a panic is how a test fails")]

use kernel::{Actor, Currency, Money, PaymentId, ProductId, Role, Staff, UserId};
use platform::testing::TestPlatform;

use crate::address::{Address, AddressLine, Country};
use crate::cart::{CartOwner, Quantity};
use crate::jobs::SweepAttachment;
use crate::mark_paid::MarkPaid;
use crate::order::Order;
use crate::place::PlaceOrder;
use crate::product::{Category, Product};
use crate::{MIGRATOR, Orders, db};

/// All of a PNG that anybody looks at.
pub const A_PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

/// All of a PDF that anybody looks at.
pub const A_PDF: &[u8] = b"%PDF-1.7\n and so on";

/// A platform of its own and the module on it, with empty shelves.
pub async fn a_shop() -> (TestPlatform, Orders) {
    let platform = TestPlatform::start(&[&MIGRATOR]).await;
    let orders = Orders::new(&platform);
    (platform, orders)
}

impl Orders {
    /// Somebody.
    #[must_use]
    pub fn a_user(&self) -> UserId {
        UserId::generate(&self.clock, &self.entropy)
    }

    /// A member of staff.
    #[must_use]
    pub fn a_staff_member(&self) -> Staff {
        let actor = Actor {
            user_id: self.a_user(),
            role: Role::Support,
        };
        actor.require_staff().expect("support is staff")
    }

    /// A product at €12.50, ten of it in stock.
    pub async fn a_product(&self) -> Product {
        self.a_product_with(|_| {}).await
    }

    /// Like [`Orders::a_product`], with some things changed.
    pub async fn a_product_with(&self, change: impl FnOnce(&mut Product)) -> Product {
        let id = ProductId::generate(&self.clock, &self.entropy);
        let mut product = Product {
            id,
            slug: format!("product-{id}"),
            category: "things".into(),
            title: "A thing".into(),
            summary: "It is what it is.".into(),
            description: "Nothing more can be said about it.".into(),
            price: Money::new(1_250, Currency::Eur),
            stock: 10,
            picture: "thing.svg".into(),
        };
        change(&mut product);
        let category = Category {
            slug: product.category.clone(),
            title: product.category.clone(),
        };
        let mut tx = self.db.begin().await.expect("a transaction");
        db::catalogue::add_categories(&mut tx, &[category])
            .await
            .expect("a category");
        db::catalogue::add_product(&mut tx, &product, self.clock.now())
            .await
            .expect("a product");
        tx.commit().await.expect("a commit");
        product
    }

    /// Takes a product off the shelves.
    pub async fn retire(&self, product: &Product) {
        let mut connection = self.db.acquire().await.expect("a connection");
        sqlx::query!(
            "UPDATE orders.products SET active = false WHERE id = $1",
            product.id.as_uuid()
        )
        .execute(&mut *connection)
        .await
        .expect("a product off the shelves");
    }

    /// How many of a product there are.
    pub async fn stock_of(&self, product: &Product) -> u32 {
        let product = self.get_product(&product.slug).await;
        product.expect("a product on the shelves").stock
    }

    /// Makes all orders be of a release before they could be searched.
    pub async fn forget_searches(&self) {
        let mut connection = self.db.acquire().await.expect("a connection");
        sqlx::query!("UPDATE orders.orders SET search = NULL")
            .execute(&mut *connection)
            .await
            .expect("orders that cannot be searched");
    }

    /// Puts `quantity` of `product` into the person's cart, and says what to order it with.
    pub async fn a_filled_cart(
        &self,
        user_id: UserId,
        product: &Product,
        quantity: u32,
    ) -> PlaceOrder {
        let owner = CartOwner::User(user_id);
        let quantity = Quantity::try_from(quantity).expect("a quantity");
        self.add_to_cart(&owner, product.id, quantity)
            .await
            .expect("a line in the cart");
        let cart = self.show_cart(&owner).await.expect("a cart");
        PlaceOrder {
            email: "ann@example.com".parse().expect("an e-mail address"),
            delivery: an_address(),
            expected_total: cart.total.expect("a total"),
        }
    }

    /// An order of two of a new product.
    pub async fn a_placed_order(&self, user_id: UserId) -> Order {
        let product = self.a_product().await;
        let command = self.a_filled_cart(user_id, &product, 2).await;
        self.place(user_id, command).await.expect("an order")
    }

    /// Like [`Orders::a_placed_order`], and paid.
    pub async fn a_paid_order(&self, user_id: UserId) -> Order {
        let order = self.a_placed_order(user_id).await;
        self.pay_for(&order).await;
        self.get(user_id, order.number)
            .await
            .expect("the order")
            .order
    }

    /// Pays an order in full.
    pub async fn pay_for(&self, order: &Order) -> PaymentId {
        let payment = MarkPaid {
            order_id: order.id,
            payment_id: PaymentId::generate(&self.clock, &self.entropy),
            amount: order.total,
            paid_at: self.clock.now(),
        };
        let mut tx = self.db.begin().await.expect("a transaction");
        self.mark_paid_in_tx(&mut tx, payment)
            .await
            .expect("a payment taken in");
        tx.commit().await.expect("a commit");
        payment.payment_id
    }
}

/// Runs the sweep that was enqueued last.
pub async fn sweep_up(platform: &TestPlatform, orders: &Orders) {
    let sweep = platform.jobs_of::<SweepAttachment>().await.pop();
    let handler = async |run, job| orders.clone().sweep_attachment(run, job).await;
    let swept = platform.run_job(handler, sweep.expect("a sweep")).await;
    swept.expect("a sweep that ends");
}

/// Where goods go.
#[must_use]
pub fn an_address() -> Address {
    let line = |text| AddressLine::parse(text).expect("a line");
    Address {
        name: line("Ann Lee"),
        street: line("1 Main Street"),
        postal_code: line("20457"),
        city: line("Hamburg"),
        country: Country::parse("DE").expect("a country"),
    }
}
