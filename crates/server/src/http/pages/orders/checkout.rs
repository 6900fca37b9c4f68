use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use kernel::{EmailAddress, Money, PageRequest, PageSize};
use orders::{
    Address, AddressLine, Cart, CartOwner, Country, Order, Orders, PlaceError, PlaceOrder,
};
use serde::Deserialize;

use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Form;
use crate::http::forms::FieldErrors;
use crate::http::idempotency::Once;
use crate::http::pages::{self, Layout, filters};
use crate::http::session::{CurrentUser, Flash};

/// Where to write, where to deliver, and which total the customer saw.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CheckoutForm {
    email: String,
    name: String,
    street: String,
    postal_code: String,
    city: String,
    country: String,
    /// In minor units. What the page showed when the button was pressed.
    total: String,
    /// Its currency.
    currency: String,
    /// Read by the layer that serves each rendered form once.
    #[serde(rename = "idempotency_key")]
    _key: String,
}

impl CheckoutForm {
    /// As the customer filled it in last time, else with their name and address for letters.
    fn of(last: Option<&Order>, user: &CurrentUser) -> Self {
        let Some(Order {
            email, delivery, ..
        }) = last
        else {
            return Self {
                email: user.email().to_string(),
                name: user.name().to_owned(),
                ..Self::default()
            };
        };
        Self {
            email: email.to_string(),
            name: delivery.name.to_string(),
            street: delivery.street.to_string(),
            postal_code: delivery.postal_code.to_string(),
            city: delivery.city.to_string(),
            country: delivery.country.code().to_owned(),
            ..Self::default()
        }
    }

    fn parse(&self) -> Result<PlaceOrder, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut line = |field, text: &str| {
            let line = AddressLine::parse(text);
            errors.check(
                field,
                line,
                "Enter this in one line of at most 100 characters.",
            )
        };
        let name = line("name", &self.name);
        let street = line("street", &self.street);
        let postal_code = line("postal_code", &self.postal_code);
        let city = line("city", &self.city);
        let country = Country::parse(&self.country);
        let country = errors.check("country", country, "Choose a country.");
        let email = EmailAddress::parse(&self.email);
        let email = errors.check("email", email, "Enter an address such as name@example.com.");
        let total = self.total.parse().map_err(|_| ());
        let total =
            total.and_then(|minor| Ok(Money::new(minor, self.currency.parse().map_err(|_| ())?)));
        let total = errors.check("", total, "Please look at the total again.");
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
                expected_total: total?,
            })
        })();
        parsed.ok_or(errors)
    }
}

#[derive(Template)]
#[template(path = "orders/checkout.html")]
struct CheckoutPage {
    layout: Layout,
    cart: Cart,
    total: Money,
    form: CheckoutForm,
    errors: FieldErrors,
    countries: Vec<(&'static str, &'static str)>,
}

impl CheckoutPage {
    /// The page over the cart as it is now; `None` if there is nothing to order.
    async fn load(
        orders: &Orders,
        layout: Layout,
        user: &CurrentUser,
        form: CheckoutForm,
        errors: FieldErrors,
    ) -> Result<Option<Self>> {
        let cart = orders.show_cart(&CartOwner::User(user.id())).await?;
        let countries = Country::all().map(|country| (country.code(), country.name()));
        Ok(cart.total.map(|total| Self {
            layout,
            cart,
            total,
            form,
            errors,
            countries: [("", "Choose a country")]
                .into_iter()
                .chain(countries)
                .collect(),
        }))
    }
}

/// Asks where to deliver and shows what it costs.
pub(super) async fn show(
    State(orders): State<Orders>,
    layout: Layout,
    user: CurrentUser,
) -> Result {
    let last = PageRequest {
        after: None,
        size: PageSize::clamped(1),
    };
    let last = orders.list(user.id(), &last).await?.items.pop();
    let form = CheckoutForm::of(last.as_ref(), &user);
    let page = CheckoutPage::load(&orders, layout, &user, form, FieldErrors::new()).await?;
    match page {
        Some(page) => pages::show(&page),
        None => Ok(Redirect::to("/cart").into_response()),
    }
}

/// Places the order, or shows the form again with what stands in the way.
pub(super) async fn place(
    State(app): State<App>,
    State(orders): State<Orders>,
    layout: Layout,
    user: CurrentUser,
    once: Once,
    Form(form): Form<CheckoutForm>,
) -> Result {
    let errors = match form.parse() {
        Err(errors) => errors,
        Ok(command) => {
            let mut tx = once.begin().await?;
            match orders.place_in_tx(&mut tx, user.id(), command).await {
                Ok(order) => return once.commit(tx, thanks(&app, &order)).await,
                Err(PlaceError::Unexpected(error)) => return Err(error.into()),
                Err(refused) => FieldErrors::of("", AppError::from(refused).describe().detail),
            }
        }
    };
    let page = CheckoutPage::load(&orders, layout, &user, form, errors).await?;
    match page {
        Some(page) => pages::show_again(&page),
        None => Ok(Flash::error("There is nothing in your cart.").redirect(&app, "/cart")),
    }
}

/// Leads to the order that was placed.
fn thanks(app: &App, order: &Order) -> Response {
    let thanks = "Thank you for your order. We have mailed you a confirmation.";
    Flash::success(thanks).redirect(app, &format!("/orders/{}", order.number))
}
