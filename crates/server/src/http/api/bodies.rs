use kernel::{Cursor, Money, Page, PageRequest, PageSize};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::error::AppError;
use crate::http::forms::FieldErrors;

/// An amount of money.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Money)]
pub struct MoneyBody {
    /// In integer minor units (cents).
    #[schema(example = 1250)]
    minor: i64,
    /// The ISO 4217 code.
    #[schema(example = "EUR")]
    currency: &'static str,
}

impl From<Money> for MoneyBody {
    fn from(money: Money) -> Self {
        Self {
            minor: money.minor(),
            currency: money.currency().code(),
        }
    }
}

/// A part of a list, and where it goes on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct PageBody<T> {
    /// The items, in the list's order.
    items: Vec<T>,
    /// Send it as `after` to get the next part; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<T, B: From<T>> From<Page<T>> for PageBody<B> {
    fn from(page: Page<T>) -> Self {
        Self {
            items: page.items.into_iter().map(B::from).collect(),
            next: page.next.map(|cursor| cursor.to_string()),
        }
    }
}

/// Which part of a list to answer with.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the part before.
    after: Option<String>,
    /// How many items: 1 to 100, 20 unless told.
    #[param(minimum = 1, maximum = 100)]
    size: Option<u32>,
}

impl PageQuery {
    /// The part of the list, for a use case.
    pub fn request(&self) -> Result<PageRequest, AppError> {
        let mut errors = FieldErrors::new();
        let after: Option<Result<Cursor, _>> = self.after.as_deref().map(str::parse);
        let after =
            after.and_then(|cursor| errors.check("after", cursor, "Not a cursor of this list."));
        let size = self.size.map(PageSize::try_new);
        let size = size
            .and_then(|size| errors.check("size", size, "Must be a whole number from 1 to 100."));
        if !errors.is_empty() {
            return Err(AppError::Invalid(errors));
        }
        Ok(PageRequest {
            after,
            size: size.unwrap_or_default(),
        })
    }
}
