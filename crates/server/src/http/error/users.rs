//! What the use cases of `users` refuse, as HTTP answers. Shared by the pages and the API.
//!
//! Fields are named as the forms name them.

use std::borrow::Cow;

use users::{
    AuthenticateError, AvatarError, ChangeEmailError, ChangeNameError, ChangePasswordError,
    LinkError, RefreshError, ResetPasswordError, SignInError, SignUpError, SignUpFaults,
};

use super::AppError;
use crate::http::forms::FieldErrors;

const INVALID_NAME: &str = "Enter your name in one line of at most 100 characters.";
pub(crate) const WRONG_PASSWORD: &str = "This is not your password.";

impl From<SignUpError> for AppError {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Refused(faults) => Self::Invalid(faults.into()),
            SignUpError::Overloaded => Self::Overloaded,
            SignUpError::SignUpClosed => {
                Self::Forbidden("We do not take new accounts at the moment.")
            }
            SignUpError::Unexpected(error) => error.into(),
        }
    }
}

impl From<SignUpFaults> for FieldErrors {
    fn from(faults: SignUpFaults) -> Self {
        let mut errors = Self::new();
        if faults.invalid_name {
            errors.add("name", INVALID_NAME);
        }
        if let Some(fault) = faults.password {
            errors.add("password", fault.to_string());
        }
        errors
    }
}

impl From<SignInError> for AppError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::WrongCredentials => {
                Self::CredentialsRefused("The e-mail address or the password is wrong.")
            }
            SignInError::Overloaded => Self::Overloaded,
            SignInError::Unexpected(error) => error.into(),
        }
    }
}

impl From<ChangeNameError> for AppError {
    fn from(error: ChangeNameError) -> Self {
        match error {
            ChangeNameError::InvalidName => invalid("name", INVALID_NAME),
            ChangeNameError::Unexpected(error) => error.into(),
        }
    }
}

impl From<LinkError> for AppError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::InvalidLink => Self::invalid_link(),
            LinkError::Unexpected(error) => error.into(),
        }
    }
}

impl From<ResetPasswordError> for AppError {
    fn from(error: ResetPasswordError) -> Self {
        match error {
            ResetPasswordError::InvalidLink => Self::invalid_link(),
            ResetPasswordError::WeakPassword(fault) => invalid("password", fault.to_string()),
            ResetPasswordError::Overloaded => Self::Overloaded,
            ResetPasswordError::Unexpected(error) => error.into(),
        }
    }
}

impl From<ChangePasswordError> for AppError {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::WrongPassword { new } => {
                let mut errors = FieldErrors::of("current_password", WRONG_PASSWORD);
                if let Some(fault) = new {
                    errors.add("new_password", fault.to_string());
                }
                Self::Invalid(errors)
            }
            ChangePasswordError::WeakPassword(fault) => invalid("new_password", fault.to_string()),
            ChangePasswordError::Overloaded => Self::Overloaded,
            ChangePasswordError::Unexpected(error) => error.into(),
        }
    }
}

impl From<ChangeEmailError> for AppError {
    fn from(error: ChangeEmailError) -> Self {
        match error {
            ChangeEmailError::WrongPassword => invalid("password", WRONG_PASSWORD),
            ChangeEmailError::Overloaded => Self::Overloaded,
            ChangeEmailError::Unexpected(error) => error.into(),
        }
    }
}

impl From<AvatarError> for AppError {
    fn from(error: AvatarError) -> Self {
        match error {
            AvatarError::UnsupportedType => invalid(
                "avatar",
                "Choose a picture in the format JPEG, PNG or WebP.",
            ),
            AvatarError::TooLarge => invalid("avatar", "Choose a picture of at most 5 MiB."),
            AvatarError::NotUploaded => {
                invalid("avatar", "The picture did not arrive. Please try again.")
            }
            AvatarError::Unexpected(error) => error.into(),
        }
    }
}

impl From<RefreshError> for AppError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::InvalidToken => {
                Self::CredentialsRefused("This token is not valid any more. Sign in again.")
            }
            RefreshError::Unexpected(error) => error.into(),
        }
    }
}

impl From<AuthenticateError> for AppError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Invalid => Self::SignInRequired,
            AuthenticateError::Unexpected(error) => error.into(),
        }
    }
}

impl AppError {
    /// A link from a letter that is unknown, was used or has expired.
    pub(crate) fn invalid_link() -> Self {
        Self::Gone(
            "It was used already, or it is too old. Ask for a new one and use the latest letter.",
        )
    }
}

fn invalid(field: &'static str, message: impl Into<Cow<'static, str>>) -> AppError {
    AppError::Invalid(FieldErrors::of(field, message))
}
