//! The letters that the module writes, each as text and as HTML.

use anyhow::Context as _;
use askama::Template;
use platform::mail::{Letter, Letterhead};

use crate::endpoint::{Endpoint, EndpointStatus};
use crate::tell_owner::Owner;

const SUBJECT: &str = "Your webhook endpoint was switched off";

#[derive(Template)]
#[template(path = "emails/switched_off.txt")]
struct SwitchedOffText<'a> {
    letterhead: &'a Letterhead,
    owner: &'a Owner,
    endpoint: &'a Endpoint,
    why: &'a str,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "emails/switched_off.html")]
struct SwitchedOffHtml<'a> {
    letterhead: &'a Letterhead,
    owner: &'a Owner,
    endpoint: &'a Endpoint,
    subject: &'a str,
    why: &'a str,
    link: &'a str,
}

/// Tells the owner of an endpoint that it is told nothing any more.
pub(crate) fn switched_off(
    letterhead: &Letterhead,
    owner: &Owner,
    endpoint: &Endpoint,
) -> anyhow::Result<Letter> {
    let link = letterhead
        .public_url
        .join(&format!("account/webhooks/{}", endpoint.id))
        .context("make the endpoint's link")?;
    let link = link.as_str();
    let why = match endpoint.status {
        EndpointStatus::Gone => "It answered 410 Gone: that it wants no more messages.",
        _ => "Every message that we sent there in the last three days has failed.",
    };
    let text = SwitchedOffText {
        letterhead,
        owner,
        endpoint,
        why,
        link,
    };
    let html = SwitchedOffHtml {
        letterhead,
        owner,
        endpoint,
        subject: SUBJECT,
        why,
        link,
    };
    Ok(Letter {
        to: owner.email.clone(),
        subject: SUBJECT.to_owned(),
        text: text.render().context("write letter as text")?,
        html: html.render().context("write letter as HTML")?,
        attachments: Vec::new(),
    })
}
