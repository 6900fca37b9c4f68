//! What a caller may ask for, read out of its [`Form`] and checked as the provider checks it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    error::ApiError,
    form::Form,
    ledger::{Line, NewRefund, NewSession},
    objects::{List, Metadata, PaymentIntent, Refund},
};

/// A session's life when the caller does not name one, and the longest it may name.
const LONGEST_SESSION: TimeDelta = TimeDelta::hours(24);
const SHORTEST_SESSION: TimeDelta = TimeDelta::minutes(30);
/// The provider takes at most eight digits of minor units.
const LARGEST_AMOUNT: i64 = 99_999_999;

/// Parameters that change nothing here and are right to send.
const WITHOUT_EFFECT: [&str; 5] = [
    "billing_address_collection",
    "customer_creation",
    "locale",
    "submit_type",
    "ui_mode",
];

impl NewSession {
    pub(crate) fn read(mut form: Form, now: DateTime<Utc>) -> Result<Self, ApiError> {
        if form.required("mode")? != "payment" {
            let message = "The sandbox knows no mode but payment";
            return Err(ApiError::refused(message).about("mode"));
        }
        let mut lines = Vec::new();
        let mut currencies = Vec::new();
        for line in form.list("line_items") {
            let (line, currency) = read_line(line)?;
            lines.push(line);
            currencies.push(currency);
        }
        currencies.dedup();
        let currency = match currencies.as_slice() {
            [] => return Err(ApiError::missing("line_items")),
            [currency] => currency.clone(),
            _ => {
                let message = "All line items must have the same currency.";
                return Err(ApiError::refused(message).about("line_items"));
            }
        };
        let mut intent_data = form.object("payment_intent_data");
        let new = Self {
            success_url: form
                .web_address("success_url")?
                .ok_or_else(|| ApiError::missing("success_url"))?,
            cancel_url: form.web_address("cancel_url")?,
            client_reference_id: form.text("client_reference_id"),
            customer_email: form.text("customer_email"),
            amount_total: total(&lines, &currency)?,
            currency,
            lines,
            expires_at: expiry(form.integer("expires_at")?, now)?,
            metadata: metadata(form.map("metadata"))?,
            intent_metadata: metadata(intent_data.map("metadata"))?,
        };
        intent_data.text("description");
        intent_data.finish()?;
        for name in WITHOUT_EFFECT {
            form.text(name);
        }
        form.list("payment_method_types");
        form.finish()?;
        Ok(new)
    }
}

impl NewRefund {
    pub(crate) fn read(mut form: Form) -> Result<Self, ApiError> {
        let new = Self {
            payment_intent: form.required("payment_intent")?,
            amount: form.integer("amount")?,
            reason: form.text("reason"),
            metadata: metadata(form.map("metadata"))?,
        };
        form.finish()?;
        if new.amount.is_some_and(|amount| amount < 1) {
            let message = "Invalid positive integer";
            return Err(ApiError::invalid("parameter_invalid_integer", message).about("amount"));
        }
        match new.reason.as_deref() {
            None | Some("duplicate" | "fraudulent" | "requested_by_customer") => Ok(new),
            Some(_) => Err(ApiError::refused("Invalid reason").about("reason")),
        }
    }
}

fn read_line(mut form: Form) -> Result<(Line, String), ApiError> {
    let mut price = form.object("price_data");
    let mut product = price.object("product_data");
    let currency = price.required("currency")?.to_ascii_lowercase();
    let line = Line {
        name: product.required("name")?,
        unit_amount: price.required_integer("unit_amount")?,
        quantity: form.required_integer("quantity")?,
    };
    product.text("description");
    product.finish()?;
    price.finish()?;
    form.finish()?;
    if line.unit_amount < 0 || line.quantity < 1 {
        let message = "Amounts may not be negative, nor quantities less than one";
        return Err(ApiError::invalid("parameter_invalid_integer", message).about("line_items"));
    }
    Ok((line, currency))
}

fn total(lines: &[Line], currency: &str) -> Result<i64, ApiError> {
    let total = lines.iter().try_fold(0_i64, |total, line| {
        total.checked_add(line.unit_amount.checked_mul(line.quantity)?)
    });
    let smallest = if currency == "gbp" { 30 } else { 50 };
    match total {
        Some(total) if total < smallest => Err(ApiError::invalid(
            "amount_too_small",
            format!("The Checkout Session's total amount due must be at least {smallest}"),
        )),
        Some(total) if total <= LARGEST_AMOUNT => Ok(total),
        _ => Err(ApiError::invalid(
            "amount_too_large",
            format!("The Checkout Session's total amount must be no more than {LARGEST_AMOUNT}"),
        )),
    }
}

fn expiry(asked: Option<i64>, now: DateTime<Utc>) -> Result<DateTime<Utc>, ApiError> {
    let Some(asked) = asked else {
        return Ok(now + LONGEST_SESSION);
    };
    // A minute of grace, because the caller's clock is not this one.
    let grace = TimeDelta::minutes(1);
    let allowed = now + SHORTEST_SESSION - grace..=now + LONGEST_SESSION + grace;
    DateTime::from_timestamp(asked, 0)
        .filter(|expires_at| allowed.contains(expires_at))
        .ok_or_else(|| {
            let message = "The `expires_at` timestamp must be at least 30 minutes and less than \
                           24 hours from Checkout Session creation.";
            ApiError::refused(message).about("expires_at")
        })
}

fn metadata(entries: BTreeMap<String, String>) -> Result<Metadata, ApiError> {
    let fits = entries.len() <= 50
        && entries
            .iter()
            .all(|(key, value)| key.chars().count() <= 40 && value.chars().count() <= 500);
    if fits {
        Ok(entries)
    } else {
        let message = "Metadata holds at most 50 keys of 40 characters with values of 500";
        Err(ApiError::refused(message).about("metadata"))
    }
}

/// What can be listed.
pub(crate) trait Listed: Clone {
    const URL: &'static str;
    const OBJECT: &'static str;
    fn id(&self) -> &str;
    fn created(&self) -> DateTime<Utc>;
    fn payment_intent(&self) -> &str;
}

impl Listed for PaymentIntent {
    const URL: &'static str = "/v1/payment_intents";
    const OBJECT: &'static str = "payment_intent";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> DateTime<Utc> {
        self.created
    }
    fn payment_intent(&self) -> &str {
        &self.id
    }
}

impl Listed for Refund {
    const URL: &'static str = "/v1/refunds";
    const OBJECT: &'static str = "refund";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> DateTime<Utc> {
        self.created
    }
    fn payment_intent(&self) -> &str {
        &self.payment_intent
    }
}

/// One page of a list: `limit`, `starting_after`, `payment_intent` and `created[gt|gte|lt|lte]`.
pub(crate) fn list<'a, T: Listed + 'a>(
    newest_first: impl Iterator<Item = &'a T>,
    mut query: Form,
) -> Result<List<T>, ApiError> {
    let limit = query.integer("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit.clamp(1, 100)).unwrap_or(100);
    let starting_after = query.text("starting_after");
    let payment_intent = query.text("payment_intent");
    let mut created = query.object("created");
    let after = created.integer("gt")?;
    let from = created.integer("gte")?;
    let before = created.integer("lt")?;
    let until = created.integer("lte")?;
    created.finish()?;
    query.finish()?;

    let items: Vec<_> = newest_first.collect();
    // Without this, a caller that mixes up its pages would take the rest for empty.
    let start = match starting_after {
        None => 0,
        Some(id) => items
            .iter()
            .position(|item| item.id() == id)
            .map(|position| position + 1)
            .ok_or_else(|| ApiError::no_such(T::OBJECT, &id, "starting_after"))?,
    };
    let mut found = items[start..].iter().filter(|item| {
        let created = item.created().timestamp();
        payment_intent
            .as_deref()
            .is_none_or(|id| id == item.payment_intent())
            && after.is_none_or(|time| created > time)
            && from.is_none_or(|time| created >= time)
            && before.is_none_or(|time| created < time)
            && until.is_none_or(|time| created <= time)
    });
    let data = found
        .by_ref()
        .take(limit)
        .map(|item| (*item).clone())
        .collect();
    Ok(List {
        object: "list",
        data,
        has_more: found.next().is_some(),
        url: T::URL,
    })
}
