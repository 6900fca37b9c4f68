//! What the use cases of `webhooks` refuse, as HTTP answers. Shared by the pages and the API.

use webhooks::{
    ChangeStatusError, GetEndpointError, InvalidEndpointUrl, ListDeliveriesError, RedeliverError,
    RegisterError, RemoveError, RotateSecretError, SendTestError,
};

use super::AppError;
use crate::http::forms::FieldErrors;

impl From<RegisterError> for AppError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::InvalidUrl(why) => {
                Self::Invalid(FieldErrors::of("url", why_not_that_address(why)))
            }
            RegisterError::TooMany => Self::conflict(
                "too_many_endpoints",
                "You have ten endpoints already. Remove one first.",
            ),
            RegisterError::Unexpected(error) => error.into(),
        }
    }
}

impl From<GetEndpointError> for AppError {
    fn from(error: GetEndpointError) -> Self {
        match error {
            GetEndpointError::NotFound => Self::NotFound,
            GetEndpointError::Unexpected(error) => error.into(),
        }
    }
}

impl From<ChangeStatusError> for AppError {
    fn from(error: ChangeStatusError) -> Self {
        match error {
            ChangeStatusError::NotFound => Self::NotFound,
            ChangeStatusError::Unexpected(error) => error.into(),
        }
    }
}

impl From<RemoveError> for AppError {
    fn from(error: RemoveError) -> Self {
        match error {
            RemoveError::NotFound => Self::NotFound,
            RemoveError::Unexpected(error) => error.into(),
        }
    }
}

impl From<RotateSecretError> for AppError {
    fn from(error: RotateSecretError) -> Self {
        match error {
            RotateSecretError::NotFound => Self::NotFound,
            RotateSecretError::TooSoon => Self::conflict(
                "secret_changed_lately",
                "The secret before this one still signs. Change it again when its 24 hours are over.",
            ),
            RotateSecretError::Unexpected(error) => error.into(),
        }
    }
}

impl From<SendTestError> for AppError {
    fn from(error: SendTestError) -> Self {
        match error {
            SendTestError::NotFound => Self::NotFound,
            SendTestError::OnItsWay => {
                Self::conflict("test_on_its_way", "The last test is still on its way.")
            }
            SendTestError::Unexpected(error) => error.into(),
        }
    }
}

impl From<RedeliverError> for AppError {
    fn from(error: RedeliverError) -> Self {
        match error {
            RedeliverError::NotFound => Self::NotFound,
            RedeliverError::OnItsWay => {
                Self::conflict("delivery_on_its_way", "This message is on its way already.")
            }
            RedeliverError::Disabled => Self::conflict(
                "endpoint_disabled",
                "The endpoint is switched off. Switch it on first.",
            ),
            RedeliverError::Unexpected(error) => error.into(),
        }
    }
}

impl From<ListDeliveriesError> for AppError {
    fn from(error: ListDeliveriesError) -> Self {
        match error {
            ListDeliveriesError::NotFound => Self::NotFound,
            ListDeliveriesError::InvalidCursor(_) => {
                Self::Invalid(FieldErrors::of("after", "Not a cursor of this list."))
            }
            ListDeliveriesError::Unexpected(error) => error.into(),
        }
    }
}

fn why_not_that_address(why: InvalidEndpointUrl) -> &'static str {
    match why {
        InvalidEndpointUrl::NotAnAddress => {
            "Enter an address such as https://example.com/hooks, of 500 characters at most."
        }
        InvalidEndpointUrl::NotHttps => "Enter an address that begins with https://.",
        InvalidEndpointUrl::Credentials => "Leave out the name and password before the @.",
        InvalidEndpointUrl::NotPublic => "Enter an address on the public internet.",
        InvalidEndpointUrl::Port => "Use port 443, or one from 1024 on.",
    }
}
