//! What pages and API share about accounts: whoever fills in a form wrongly is told everything at once. An address that is
//! none cannot be handed to a use case, so what else is wrong is asked for apart.

use kernel::{EmailAddress, UserId};
use secrecy::SecretString;
use users::{ChangeEmail, ChangeEmailError, SignUp, Users};

use crate::http::error::{AppError, Result, WRONG_PASSWORD};
use crate::http::forms::FieldErrors;

pub(super) const EMAIL: &str = "Enter an address such as name@example.com.";

/// Opens an account, with `email` as the person has typed it.
pub(super) async fn sign_up(
    users: &Users,
    email: &str,
    name: String,
    password: SecretString,
) -> Result<()> {
    let Ok(address) = EmailAddress::parse(email) else {
        let mut errors = FieldErrors::of("email", EMAIL);
        let faults = users.find_sign_up_faults(email, &name, &password).await?;
        errors.extend(faults.into());
        return Err(AppError::Invalid(errors));
    };
    let command = SignUp {
        email: address,
        name,
        password,
    };
    Ok(users.sign_up(command).await?)
}

/// Has a link sent to a new address, which stands in `field`. Gives the address.
pub(super) async fn request_email_change(
    users: &Users,
    user_id: UserId,
    (field, new_email): (&'static str, &str),
    password: SecretString,
) -> Result<EmailAddress> {
    let Ok(new_email) = EmailAddress::parse(new_email) else {
        let mut errors = FieldErrors::of(field, EMAIL);
        match users.check_password(user_id, &password).await {
            Ok(()) => {}
            Err(ChangeEmailError::WrongPassword) => errors.add("password", WRONG_PASSWORD),
            Err(error) => return Err(error.into()),
        }
        return Err(AppError::Invalid(errors));
    };
    let command = ChangeEmail {
        password,
        new_email: new_email.clone(),
    };
    users.request_email_change(user_id, command).await?;
    Ok(new_email)
}
