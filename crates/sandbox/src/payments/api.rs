//! The REST API: form-encoded requests, JSON answers, a bearer key and idempotency keys,
//! after <https://docs.stripe.com/api>.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRequest, Path, RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;
use serde_json::json;

use super::{
    Payments, Reply,
    error::ApiError,
    form::Form,
    ledger::{Fact, Ledger, NewRefund, NewSession},
    objects::{CheckoutSession, List, PaymentIntent, Refund},
    requests,
};
use crate::{App, behaviour::Mode, world};

pub(super) fn routes(payments: &Arc<Payments>) -> Router<App> {
    let api = Router::new()
        .route("/checkout/sessions", post(create_session))
        .route("/checkout/sessions/{id}", get(get_session))
        .route("/checkout/sessions/{id}/expire", post(expire_session))
        .route("/payment_intents", get(list_intents))
        .route("/payment_intents/{id}", get(get_intent))
        .route("/refunds", post(create_refund).get(list_refunds))
        .route("/refunds/{id}", get(get_refund))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_route)
        .layer(middleware::from_fn_with_state(
            Arc::clone(payments),
            check_key,
        ))
        .layer(middleware::from_fn_with_state(Arc::clone(payments), behave));
    Router::new().nest("/v1", api)
}

async fn create_session(
    State(payments): State<Arc<Payments>>,
    command: Command,
) -> Result<Response, ApiError> {
    let new = NewSession::read(command.form.clone(), payments.clock.now())?;
    payments.once(command, |ledger| {
        Ok((ledger.open(new, &payments.public_url), Vec::new()))
    })
}

async fn get_session(
    State(payments): State<Arc<Payments>>,
    Path(id): Path<String>,
) -> Result<Json<CheckoutSession>, ApiError> {
    payments
        .with_ledger(|ledger| Some(ledger.checkout(&id)?.session.clone()))
        .map(Json)
        .ok_or_else(|| ApiError::no_such("checkout.session", &id, "session"))
}

async fn expire_session(
    State(payments): State<Arc<Payments>>,
    Path(id): Path<String>,
    command: Command,
) -> Result<Response, ApiError> {
    command.form.clone().finish()?;
    payments.once(command, |ledger| {
        let (session, fact) = ledger.expire(&id)?;
        Ok((session, vec![fact]))
    })
}

async fn get_intent(
    State(payments): State<Arc<Payments>>,
    Path(id): Path<String>,
) -> Result<Json<PaymentIntent>, ApiError> {
    payments
        .with_ledger(|ledger| ledger.intent(&id).cloned())
        .map(Json)
        .ok_or_else(|| ApiError::no_such("payment_intent", &id, "intent"))
}

async fn list_intents(
    State(payments): State<Arc<Payments>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<PaymentIntent>>, ApiError> {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    payments
        .with_ledger(|ledger| requests::list(ledger.intents(), query))
        .map(Json)
}

async fn create_refund(
    State(payments): State<Arc<Payments>>,
    command: Command,
) -> Result<Response, ApiError> {
    let new = NewRefund::read(command.form.clone())?;
    payments.once(command, |ledger| {
        let (refund, facts) = ledger.refund(new)?;
        Ok((refund, facts.into()))
    })
}

async fn get_refund(
    State(payments): State<Arc<Payments>>,
    Path(id): Path<String>,
) -> Result<Json<Refund>, ApiError> {
    payments
        .with_ledger(|ledger| ledger.refunded(&id).cloned())
        .map(Json)
        .ok_or_else(|| ApiError::no_such("refund", &id, "id"))
}

async fn list_refunds(
    State(payments): State<Arc<Payments>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<Refund>>, ApiError> {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    payments
        .with_ledger(|ledger| requests::list(ledger.refunds(), query))
        .map(Json)
}

async fn no_such_route(method: Method, uri: Uri) -> ApiError {
    ApiError::no_such_route(method.as_str(), &format!("/v1{}", uri.path()))
}

/// A request that changes something.
struct Command {
    key: Option<String>,
    path: String,
    form: Form,
}

impl<S: Send + Sync> FromRequest<S> for Command {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // Not fuzzed: kept and compared as it is.
        let key = match request.headers().get("idempotency-key") {
            None => None,
            Some(key) => match key.to_str() {
                Ok(key) if key.len() <= 255 => Some(key.to_owned()),
                _ => {
                    return Err(ApiError::refused(
                        "Idempotency keys have at most 255 letters",
                    ));
                }
            },
        };
        let path = request.uri().path().to_owned();
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| ApiError::refused("The request body could not be read"))?;
        let form = Form::parse(&body);
        Ok(Self { key, path, form })
    }
}

impl Payments {
    /// Executes a command, unless its idempotency key has been seen: then the first answer,
    /// refusals included, is given again. Parameters that do not parse never get this far, so
    /// they do not use up a key (<https://docs.stripe.com/api/idempotent_requests>).
    fn once<T: Serialize>(
        &self,
        command: Command,
        execute: impl FnOnce(&mut Ledger) -> Result<(T, Vec<Fact>), ApiError>,
    ) -> Result<Response, ApiError> {
        let mut books = self.books();
        if let Some(key) = &command.key
            && let Some(reply) = books.replies.find(|reply| reply.key == *key)
        {
            if reply.path != command.path || reply.form != command.form {
                return Err(ApiError::key_reused(key));
            }
            let replayed = [("idempotent-replayed", "true")];
            return Ok((reply.status, replayed, Json(reply.body.clone())).into_response());
        }
        let (status, body, facts) = match execute(&mut books.ledger) {
            Ok((object, facts)) => (StatusCode::OK, json!(object), facts),
            Err(error) => {
                let (status, body) = error.reply();
                (status, body, Vec::new())
            }
        };
        if let Some(key) = command.key {
            books.replies.push(Reply {
                key,
                path: command.path,
                form: command.form,
                body: body.clone(),
                status,
            });
        }
        drop(books);
        self.announce(facts);
        Ok((status, Json(body)).into_response())
    }
}

async fn check_key(
    State(payments): State<Arc<Payments>>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    // Not fuzzed: compared as a whole.
    let key = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match key {
        Some(key) if key == payments.api_key => next.run(request).await,
        Some(_) => ApiError::unauthorized("Invalid API Key provided").into_response(),
        None => ApiError::unauthorized("You did not provide an API key").into_response(),
    }
}

/// Does to the API what the control page says, and numbers the answer.
async fn behave(State(payments): State<Arc<Payments>>, request: Request, next: Next) -> Response {
    let behaviour = payments.switch.get();
    let mut response = match behaviour.mode {
        Mode::Normal => next.run(request).await,
        Mode::Slow => {
            let response = next.run(request).await;
            payments
                .unless_stopping(tokio::time::sleep(behaviour.delay()))
                .await;
            response
        }
        Mode::Failing => ApiError::broken().into_response(),
        Mode::Hanging => {
            payments.stopping.cancelled().await;
            ApiError::broken().into_response()
        }
    };
    if let Ok(number) = HeaderValue::from_str(&world::id("req")) {
        response.headers_mut().insert("request-id", number);
    }
    response
}
