//! The shop: a catalogue, carts, and orders from checkout to delivery.
//!
//! # Invariants
//! - Stock is never below zero. What an order holds has left the shelves, and returns if the order is cancelled, or
//!   refunded before it was shipped.
//! - An order is a snapshot with one currency, at least one line, and the total that its customer agreed to.
//! - An order moves only along [`OrderStatus::leads_to`], and each move is in its timeline.
//! - A file is shown only after its bytes were looked at, and never under a type that they do not have.
//! - A change and the event that tells of it commit together.
//!
//! # What this crate must not know
//! Payments and invoices (it knows the id of a payment, and hears that it was made), accounts (it knows the id of a
//! user), HTTP and HTML pages.

mod add_to_cart;
mod address;
mod adopt_cart;
mod attach;
mod attachment;
mod backfills;
mod browse;
mod cancel;
mod cancel_unpaid;
mod cart;
mod change_cart;
mod db;
mod detach;
mod emails;
mod events;
mod find_picture;
mod fulfil;
mod get;
mod get_attachment;
mod jobs;
mod list;
mod list_attachments;
mod mark_paid;
mod mark_refunded;
mod order;
mod place;
mod product;
mod purge_carts;
mod search;
mod search_orders;
mod seed;
mod show_cart;
mod sweep_attachment;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use kernel::{Clock, Entropy};
use platform::Platform;
use platform::audit::Audit;
use platform::db::Db;
use platform::events::Events;
use platform::jobs::Jobs;
use platform::mail::{Letterhead, Mailer};
use platform::storage::Storage;

pub use add_to_cart::AddToCartError;
pub use address::{Address, AddressLine, Country, InvalidAddressLine, UnknownCountry};
pub use attach::{AttachError, AttachmentUpload};
pub use attachment::{
    AttachRefusal, Attachment, FileName, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, Reader,
};
pub use backfills::FillSearch;
pub use browse::{GetProductError, ListProductsError};
pub use cancel::CancelError;
pub use cart::{Cart, CartLine, CartOwner, CartRefusal, InvalidQuantity, Quantity};
pub use change_cart::SetQuantityError;
pub use detach::DetachError;
pub use events::{
    OrderCancelled, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped, PaymentRejected,
};
pub use fulfil::FulfilError;
pub use get::{GetOrderError, TrackedOrder};
pub use get_attachment::GetAttachmentError;
pub use jobs::{CancelUnpaid, PurgeCarts, SendConfirmation, SweepAttachment};
pub use list::ListOrdersError;
pub use mark_paid::{MarkPaid, MarkPaidError};
pub use mark_refunded::MarkRefundedError;
pub use order::{
    InvalidTransition, Order, OrderLine, OrderNumber, OrderStatus, TimelineEntry, UnknownStatus,
};
pub use place::{PlaceError, PlaceOrder};
pub use product::{Category, Product};
pub use seed::{DemoCustomer, DemoOrder};

/// The migrations of the schema `orders`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/orders");

/// What the module can do; cheap to clone. Each use case is a method, in a file of its name.
#[derive(Clone)]
pub struct Orders {
    db: Db,
    events: Events,
    jobs: Jobs,
    audit: Audit,
    storage: Storage,
    mailer: Mailer,
    letterhead: Letterhead,
    clock: Clock,
    entropy: Entropy,
}

impl Orders {
    /// The module, standing on `platform`.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        let Platform {
            db,
            events,
            jobs,
            audit,
            storage,
            mailer,
            letterhead,
            clock,
            entropy,
            ..
        } = platform.clone();
        Self {
            db,
            events,
            jobs,
            audit,
            storage,
            mailer,
            letterhead,
            clock,
            entropy,
        }
    }
}
