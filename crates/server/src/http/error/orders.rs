//! What the use cases of `orders` refuse, as HTTP answers. Shared by the pages and the API.

use orders::{
    AddToCartError, CancelError, CartRefusal, FulfilError, GetOrderError, GetProductError,
    ListOrdersError, ListProductsError, PlaceError, SetQuantityError,
};

use super::AppError;
use crate::http::forms::FieldErrors;

impl From<ListProductsError> for AppError {
    fn from(error: ListProductsError) -> Self {
        match error {
            ListProductsError::InvalidCursor(_) => foreign_cursor(),
            ListProductsError::Unexpected(error) => error.into(),
        }
    }
}

impl From<GetProductError> for AppError {
    fn from(error: GetProductError) -> Self {
        match error {
            GetProductError::NotFound => Self::NotFound,
            GetProductError::Unexpected(error) => error.into(),
        }
    }
}

impl From<AddToCartError> for AppError {
    fn from(error: AddToCartError) -> Self {
        match error {
            AddToCartError::NoSuchProduct => Self::NotFound,
            AddToCartError::Refused(CartRefusal::Full) => Self::conflict(
                "cart_full",
                "The cart is full. Order what it holds, or take something out first.",
            ),
            AddToCartError::Refused(CartRefusal::OtherCurrency) => Self::conflict(
                "other_currency",
                "The cart holds products that are sold in another currency. Order those first.",
            ),
            AddToCartError::Unexpected(error) => error.into(),
        }
    }
}

impl From<SetQuantityError> for AppError {
    fn from(error: SetQuantityError) -> Self {
        match error {
            SetQuantityError::NotInCart => Self::NotFound,
            SetQuantityError::Unexpected(error) => error.into(),
        }
    }
}

impl From<PlaceError> for AppError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::EmptyCart => Self::conflict("cart_empty", "There is nothing in the cart."),
            PlaceError::TotalChanged { total } => Self::conflict(
                "total_changed",
                format!("Prices have changed, and the total is now {total}. Please look again."),
            ),
            PlaceError::OutOfStock { titles } => Self::conflict(
                "out_of_stock",
                format!("There are not enough left of: {}.", titles.join(", ")),
            ),
            PlaceError::Unexpected(error) => error.into(),
        }
    }
}

impl From<ListOrdersError> for AppError {
    fn from(error: ListOrdersError) -> Self {
        match error {
            ListOrdersError::InvalidCursor(_) => foreign_cursor(),
            ListOrdersError::Unexpected(error) => error.into(),
        }
    }
}

impl From<GetOrderError> for AppError {
    fn from(error: GetOrderError) -> Self {
        match error {
            GetOrderError::NotFound => Self::NotFound,
            GetOrderError::Unexpected(error) => error.into(),
        }
    }
}

impl From<CancelError> for AppError {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotFound => Self::NotFound,
            CancelError::TooLate(refused) => Self::conflict(
                "order_not_cancellable",
                format!(
                    "This order is {} and can no longer be cancelled.",
                    refused.from
                ),
            ),
            CancelError::Unexpected(error) => error.into(),
        }
    }
}

impl From<FulfilError> for AppError {
    fn from(error: FulfilError) -> Self {
        match error {
            FulfilError::NotFound => Self::NotFound,
            FulfilError::InvalidTransition(refused) => Self::conflict(
                "invalid_transition",
                format!(
                    "An order that is {} cannot become {}.",
                    refused.from, refused.to
                ),
            ),
            FulfilError::Unexpected(error) => error.into(),
        }
    }
}

fn foreign_cursor() -> AppError {
    AppError::Invalid(FieldErrors::of("after", "Not a cursor of this list."))
}
