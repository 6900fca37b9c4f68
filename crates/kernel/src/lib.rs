//! Pure values that every other crate speaks in: typed ids, money, e-mail addresses, pages, the clock.
//!
//! # Invariants
//! - No IO: nothing here opens a socket, a file or a database connection. The two doors to the machine,
//!   [`Clock::system`] and [`Entropy::system`], are values that a caller passes in.
//! - A value that exists is valid. Whatever is parsed from outside is checked once, in its constructor.
//!
//! # What this crate must not know
//! Any other crate of the workspace, SQL, HTTP, or what the product sells.

mod actor;
mod clock;
mod email;
mod entropy;
mod ids;
mod money;
mod page;
pub mod text;
mod token;

pub use actor::{Actor, NotStaff, Role, Staff, UnknownRole};
pub use clock::Clock;
pub use email::{EmailAddress, InvalidEmailAddress};
pub use entropy::Entropy;
pub use ids::{
    AttachmentId, AvatarId, CartId, DeliveryId, EndpointId, EventId, InvoiceId, JobId, OrderId,
    PaymentId, ProductId, RefundId, SessionId, UserId,
};
pub use money::{Currency, Money, MoneyError, UnknownCurrency};
pub use page::{Cursor, InvalidCursor, InvalidPageSize, Page, PageRequest, PageSize};
pub use token::{Token, TokenHash};
