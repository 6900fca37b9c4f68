//! What the use cases of `orders` refuse, as HTTP answers. Shared by the pages and the API.

use std::borrow::Cow;

use orders::{
    AddToCartError, AttachError, AttachRefusal, CancelError, CartRefusal, DetachError, FulfilError,
    GetAttachmentError, GetOrderError, GetProductError, ListOrdersError, ListProductsError,
    PlaceError, SetQuantityError,
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

impl From<AttachError> for AppError {
    fn from(error: AttachError) -> Self {
        match error {
            AttachError::NotFound => Self::NotFound,
            AttachError::Refused(AttachRefusal::Cancelled) => Self::conflict(
                "order_cancelled",
                "This order is cancelled, and takes no more files.",
            ),
            AttachError::Refused(AttachRefusal::Full) => Self::conflict(
                "attachments_full",
                "This order has ten files, and takes no more. Remove one first.",
            ),
            AttachError::UnsupportedType => invalid(
                "file",
                "Choose a file in the format JPEG, PNG, WebP or PDF.",
            ),
            AttachError::OtherType { stated, actual } => invalid(
                "file",
                format!(
                    "The file was sent as {stated}, but it is {actual}. Rename it, and try again."
                ),
            ),
            AttachError::TooLarge => invalid("file", "Choose a file of at most 10 MiB."),
            AttachError::NotUploaded => {
                invalid("file", "The file did not arrive. Please try again.")
            }
            AttachError::Unexpected(error) => error.into(),
        }
    }
}

impl From<GetAttachmentError> for AppError {
    fn from(error: GetAttachmentError) -> Self {
        match error {
            GetAttachmentError::NotFound => Self::NotFound,
            GetAttachmentError::Unexpected(error) => error.into(),
        }
    }
}

impl From<DetachError> for AppError {
    fn from(error: DetachError) -> Self {
        match error {
            DetachError::NotFound => Self::NotFound,
            DetachError::Unexpected(error) => error.into(),
        }
    }
}

fn foreign_cursor() -> AppError {
    invalid("after", "Not a cursor of this list.")
}

fn invalid(field: &'static str, message: impl Into<Cow<'static, str>>) -> AppError {
    AppError::Invalid(FieldErrors::of(field, message))
}
