use std::net::IpAddr;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use http::{HeaderMap, header};
use kernel::EmailAddress;
use orders::Orders;
use platform::Platform;
use platform::sessions::{NewSession, SessionLimits};
use secrecy::SecretString;
use serde::Deserialize;
use users::{CurrentUser, SignInError, Users};

use super::field_errors;
use crate::app::App;
use crate::http::client;
use crate::http::context::Ctx;
use crate::http::error::Result;
use crate::http::extract::{Form, LocalPath, Query};
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::{CartToken, MaybeUser, SiteCookie};

/// As much of what the browser calls itself as is kept.
const USER_AGENT_CHARS: usize = 300;

/// Where to go afterwards.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Next {
    next: String,
}

/// Who somebody says they are, and where they were going.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SignInForm {
    email: String,
    password: SecretString,
    next: String,
}

#[derive(Template)]
#[template(path = "users/sign_in.html")]
struct SignInPage {
    layout: Layout,
    form: SignInForm,
    errors: FieldErrors,
}

/// Asks for address and password.
pub(super) async fn show(
    layout: Layout,
    MaybeUser(user): MaybeUser,
    Query(Next { next }): Query<Next>,
) -> Result {
    if user.is_some() {
        return Ok(Redirect::to(LocalPath::or_root(&next).as_str()).into_response());
    }
    let form = SignInForm {
        next: LocalPath::or_root(&next).as_str().to_owned(),
        ..SignInForm::default()
    };
    pages::show(&SignInPage {
        layout,
        form,
        errors: FieldErrors::new(),
    })
}

/// Begins a session under a new token, so that nobody can have known it before, and takes the browser's cart along.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a part of the request that a session is made of"
)]
pub(super) async fn sign_in(
    State(app): State<App>,
    State(platform): State<Platform>,
    State(users): State<Users>,
    State(orders): State<Orders>,
    Ctx(context): Ctx,
    MaybeUser(before): MaybeUser,
    CartToken(cart): CartToken,
    headers: HeaderMap,
    layout: Layout,
    Form(form): Form<SignInForm>,
) -> Result {
    let user = match find(&users, &form).await {
        Ok(user) => user,
        Err(refused) => return show_again(layout, form, refused),
    };
    // First, so that a failure leaves the browser its cart.
    if let Some(cart) = &cart {
        orders.adopt_cart(user.id, cart.hash()).await?;
    }
    let session = new_session(&user, &headers, context.client);
    let (token, _) = platform.sessions.create(session).await?;
    if let Some(before) = before {
        let (user_id, session_id) = (before.id(), before.session_id());
        platform.sessions.end(user_id, session_id).await?;
    }
    let cookies = app.site().cookies;
    let cart = cart.map(|_| cookies.remove(SiteCookie::Cart));
    let next = LocalPath::or_root(&form.next);
    Ok((cookies.session(&token), cart, Redirect::to(next.as_str())).into_response())
}

async fn find(users: &Users, form: &SignInForm) -> Result<CurrentUser, SignInError> {
    match EmailAddress::parse(&form.email) {
        Ok(email) => users.sign_in(&email, &form.password).await,
        // What is no address has no account: the answer is the same.
        Err(_) => Err(SignInError::WrongCredentials),
    }
}

fn show_again(layout: Layout, form: SignInForm, refused: SignInError) -> Result {
    pages::show_again(&SignInPage {
        layout,
        errors: field_errors(refused)?,
        form: SignInForm {
            next: LocalPath::or_root(&form.next).as_str().to_owned(),
            ..form
        },
    })
}

fn new_session(user: &CurrentUser, headers: &HeaderMap, client: IpAddr) -> NewSession {
    NewSession {
        user_id: user.id,
        generation: user.session_generation,
        limits: if user.role.is_staff() {
            SessionLimits::STAFF
        } else {
            SessionLimits::CUSTOMER
        },
        user_agent: user_agent(headers),
        network: client::network(client),
    }
}

fn user_agent(headers: &HeaderMap) -> String {
    // Not fuzzed: cut to length and kept; `user_agent::in_words` is, which reads it.
    let given = headers.get(header::USER_AGENT);
    let given = given.and_then(|value| value.to_str().ok());
    given
        .unwrap_or_default()
        .chars()
        .take(USER_AGENT_CHARS)
        .collect()
}
