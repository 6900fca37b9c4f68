use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::{StatusCode, header};
use kernel::{Currency, EmailAddress, Money, ProductId};
use orders::{
    Address, AddressLine, Country, Order, OrderLine, OrderNumber, Orders, PlaceOrder,
    TimelineEntry, TrackedOrder,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::api::{ApiUser, MoneyBody, PageBody, PageQuery, Problems};
use crate::http::error::{AppError, Result};
use crate::http::extract::{Json, Path, Query};
use crate::http::forms::FieldErrors;
use crate::http::idempotency::Once;

/// Where goods go.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Address)]
pub(super) struct AddressBody {
    /// Who receives them.
    #[schema(max_length = 100)]
    name: String,
    /// Street and house number.
    #[schema(max_length = 100)]
    street: String,
    /// The code that the country's post uses.
    #[schema(max_length = 100)]
    postal_code: String,
    /// City.
    #[schema(max_length = 100)]
    city: String,
    /// ISO 3166-1 alpha-2, of a country that the shop delivers to.
    #[schema(example = "DE")]
    country: String,
}

/// An amount of money.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ExpectedTotal)]
pub(super) struct ExpectedTotalBody {
    /// In integer minor units (cents).
    minor: i64,
    /// The ISO 4217 code.
    #[schema(value_type = String, example = "EUR")]
    currency: Currency,
}

/// What to order the cart with.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PlaceOrder)]
pub(super) struct PlaceOrderBody {
    /// Where the confirmation and the invoice go.
    #[schema(example = "ann@example.com")]
    email: String,
    /// Where the goods go.
    delivery: AddressBody,
    /// The total of the cart as you saw it. If it is another one meanwhile, nothing is ordered.
    expected_total: ExpectedTotalBody,
}

impl PlaceOrderBody {
    fn parse(self) -> Result<PlaceOrder> {
        let mut errors = FieldErrors::new();
        let mut line = |field, text: &str| {
            let line = AddressLine::parse(text);
            errors.check(field, line, "Send one line of 1 to 100 characters.")
        };
        let name = line("delivery.name", &self.delivery.name);
        let street = line("delivery.street", &self.delivery.street);
        let postal_code = line("delivery.postal_code", &self.delivery.postal_code);
        let city = line("delivery.city", &self.delivery.city);
        let country = Country::parse(&self.delivery.country);
        let country = errors.check(
            "delivery.country",
            country,
            "The shop does not deliver there.",
        );
        let email = EmailAddress::parse(&self.email);
        let email = errors.check("email", email, "Send an address such as name@example.com.");
        let expected = self.expected_total;
        let parsed = (|| {
            Some(PlaceOrder {
                email: email?,
                delivery: Address {
                    name: name?,
                    street: street?,
                    postal_code: postal_code?,
                    city: city?,
                    country: country?,
                },
                expected_total: Money::new(expected.minor, expected.currency),
            })
        })();
        parsed.ok_or(AppError::Invalid(errors))
    }
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderBody {
    /// The number to quote.
    #[schema(value_type = i64, example = 100_001)]
    number: OrderNumber,
    /// `placed`, `paid`, `shipped`, `completed`, `cancelled` or `refunded`.
    #[schema(example = "placed")]
    status: &'static str,
    /// What was ordered.
    lines: Vec<OrderLineBody>,
    /// The sum of the lines.
    total: MoneyBody,
    /// Where letters about it go.
    email: String,
    /// Where the goods go.
    delivery: AddressBody,
    /// When it was placed.
    placed_at: DateTime<Utc>,
}

/// One product of an order, as it was when it was ordered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
pub(super) struct OrderLineBody {
    /// The product.
    #[schema(value_type = uuid::Uuid)]
    product_id: ProductId,
    /// Its title.
    title: String,
    /// How many.
    quantity: u32,
    /// The price of one.
    unit_price: MoneyBody,
    /// The price of all of them.
    line_total: MoneyBody,
}

impl From<OrderLine> for OrderLineBody {
    fn from(line: OrderLine) -> Self {
        Self {
            product_id: line.product_id,
            title: line.title,
            quantity: line.quantity.get(),
            unit_price: line.unit_price.into(),
            line_total: line.line_total.into(),
        }
    }
}

impl From<Order> for OrderBody {
    fn from(order: Order) -> Self {
        let delivery = order.delivery;
        Self {
            number: order.number,
            status: order.status.as_str(),
            lines: order.lines.into_iter().map(OrderLineBody::from).collect(),
            total: order.total.into(),
            email: order.email.to_string(),
            delivery: AddressBody {
                name: delivery.name.into(),
                street: delivery.street.into(),
                postal_code: delivery.postal_code.into(),
                city: delivery.city.into(),
                country: delivery.country.code().to_owned(),
            },
            placed_at: order.placed_at,
        }
    }
}

/// An order and how it came to where it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrackedOrder)]
pub(super) struct TrackedOrderBody {
    #[serde(flatten)]
    order: OrderBody,
    /// When it entered each of its statuses, in that order.
    timeline: Vec<TimelineEntryBody>,
}

/// When an order entered a status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub(super) struct TimelineEntryBody {
    /// The status.
    #[schema(example = "placed")]
    status: &'static str,
    /// When.
    entered_at: DateTime<Utc>,
}

impl From<TimelineEntry> for TimelineEntryBody {
    fn from(entry: TimelineEntry) -> Self {
        Self {
            status: entry.status.as_str(),
            entered_at: entry.entered_at,
        }
    }
}

/// Which orders to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct OrderQuery {
    /// Only those whose number or products match these words. `"…"` asks for a phrase, `or` for either, `-` excludes.
    q: String,
}

/// Lists your orders, newest first
#[utoipa::path(
    get,
    path = "/orders",
    tag = "orders",
    security(("bearer" = [])),
    params(OrderQuery, PageQuery),
    responses((status = 200, body = PageBody<OrderBody>), Problems),
)]
pub(super) async fn list(
    State(orders): State<Orders>,
    user: ApiUser,
    Query(query): Query<OrderQuery>,
    Query(page): Query<PageQuery>,
) -> Result {
    let page = page.request()?;
    let orders = match query.q.trim() {
        "" => orders.list(user.id(), &page).await?,
        words => orders.search_orders(user.id(), words, &page).await?,
    };
    Ok(Json(PageBody::<OrderBody>::from(orders)).into_response())
}

/// Orders what your cart holds
///
/// Stock is taken at once and the order waits 24 hours for its payment: see `POST /orders/{number}/payment`.
#[utoipa::path(
    post,
    path = "/orders",
    tag = "orders",
    security(("bearer" = [])),
    request_body = PlaceOrderBody,
    responses((status = 201, body = OrderBody), Problems),
)]
pub(super) async fn place(
    State(orders): State<Orders>,
    user: ApiUser,
    once: Once,
    Json(body): Json<PlaceOrderBody>,
) -> Result {
    let command = body.parse()?;
    let mut tx = once.begin().await?;
    let order = orders.place_in_tx(&mut tx, user.id(), command).await?;
    let location = [(header::LOCATION, format!("/api/v1/orders/{}", order.number))];
    let answer = (StatusCode::CREATED, location, Json(OrderBody::from(order)));
    once.commit(tx, answer).await
}

/// Shows one of your orders
#[utoipa::path(
    get,
    path = "/orders/{number}",
    tag = "orders",
    security(("bearer" = [])),
    params(("number" = i64, Path, description = "The order's number")),
    responses((status = 200, body = TrackedOrderBody), Problems),
)]
pub(super) async fn show(
    State(orders): State<Orders>,
    user: ApiUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let TrackedOrder { order, timeline } = orders.get(user.id(), number).await?;
    let body = TrackedOrderBody {
        order: order.into(),
        timeline: timeline.into_iter().map(TimelineEntryBody::from).collect(),
    };
    Ok(Json(body).into_response())
}

/// Gives up one of your orders that is not paid
#[utoipa::path(
    post,
    path = "/orders/{number}/cancel",
    tag = "orders",
    security(("bearer" = [])),
    params(("number" = i64, Path, description = "The order's number")),
    responses((status = 200, body = OrderBody), Problems),
)]
pub(super) async fn cancel(
    State(orders): State<Orders>,
    user: ApiUser,
    once: Once,
    Path(number): Path<OrderNumber>,
) -> Result {
    let mut tx = once.begin().await?;
    let order = orders.cancel_in_tx(&mut tx, user.id(), number).await?;
    once.commit(tx, Json(OrderBody::from(order))).await
}
