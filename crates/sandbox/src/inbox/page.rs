//! The inbox as pages for people and as JSON for tests.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;

use super::{Inbox, Message};
use crate::{App, web};

/// Letters come from strangers, so theirs is an origin of its own without scripts, forms or
/// frames. Links open outside of it.
const LETTER_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; \
     default-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:; \
     frame-ancestors 'self'";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/inbox", get(list).delete(clear))
        .route("/inbox/clear", post(clear))
        .route("/inbox.json", get(list_json))
        .route("/inbox/{id}", get(show))
        .route("/inbox/{id}/html", get(show_html))
        .route("/inbox/{id}/attachments/{number}", get(download))
}

#[derive(Deserialize)]
struct Filter {
    #[serde(default)]
    to: String,
}

impl Filter {
    fn recipient(&self) -> Option<&str> {
        Some(self.to.trim()).filter(|to| !to.is_empty())
    }
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    to: String,
    recipients: Vec<String>,
    messages: Vec<Arc<Message>>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    message: Arc<Message>,
    text: Vec<Piece>,
}

/// A stretch of a text: running words, or an address that can be followed.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Link(String),
}

async fn list(State(inbox): State<Arc<Inbox>>, Query(filter): Query<Filter>) -> Response {
    let all = inbox.list(None);
    let mut recipients: Vec<_> = all.iter().flat_map(|message| message.to.clone()).collect();
    recipients.sort();
    recipients.dedup();
    let page = InboxPage {
        messages: match filter.recipient() {
            Some(recipient) => inbox.list(Some(recipient)),
            None => all,
        },
        recipients,
        to: filter.to,
    };
    web::page(&page, &[])
}

async fn list_json(
    State(inbox): State<Arc<Inbox>>,
    Query(filter): Query<Filter>,
) -> Json<serde_json::Value> {
    let messages = inbox.list(filter.recipient());
    let messages: Vec<&Message> = messages.iter().map(Arc::as_ref).collect();
    Json(json!(messages))
}

async fn clear(State(inbox): State<Arc<Inbox>>, headers: HeaderMap) -> Response {
    inbox.clear();
    web::done(&headers, "/inbox", &json!({ "messages": 0 }))
}

async fn show(State(inbox): State<Arc<Inbox>>, Path(id): Path<u64>) -> Response {
    let Some(message) = inbox.find(id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let text = pieces(message.text.as_deref().unwrap_or_default());
    web::page(&MessagePage { message, text }, &[])
}

async fn show_html(State(inbox): State<Arc<Inbox>>, Path(id): Path<u64>) -> Response {
    let html = inbox.find(id).and_then(|message| message.html.clone());
    let Some(html) = html else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let html = html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    ([(CONTENT_SECURITY_POLICY, LETTER_POLICY)], Html(html)).into_response()
}

async fn download(
    State(inbox): State<Arc<Inbox>>,
    Path((id, number)): Path<(u64, usize)>,
) -> Response {
    let message = inbox.find(id);
    let Some(attachment) = message.as_ref().and_then(|m| m.attachments.get(number)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let header = |name: HeaderName, value: &str, otherwise: &'static str| {
        let otherwise = HeaderValue::from_static(otherwise);
        (name, HeaderValue::from_str(value).unwrap_or(otherwise))
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_. ".contains(letter);
    let name = attachment.name.replace(|letter| !plain(letter), "_");
    let headers = [
        header(
            CONTENT_TYPE,
            &attachment.content_type,
            "application/octet-stream",
        ),
        header(
            CONTENT_DISPOSITION,
            &format!("attachment; filename=\"{name}\""),
            "attachment",
        ),
    ];
    (headers, attachment.bytes.clone()).into_response()
}

/// Cuts a text at its web addresses, so that the links of a letter can be followed in plain text.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let next_link = |text: &str| {
        let found = ["http://", "https://"].map(|scheme| text.find(scheme));
        found.into_iter().flatten().min()
    };
    while let Some(start) = next_link(rest) {
        let (words, link) = rest.split_at(start);
        let end = link
            .find(|letter: char| letter.is_whitespace() || "<>\"'".contains(letter))
            .unwrap_or(link.len());
        let link = link[..end].trim_end_matches(['.', ',', ')', ';', ':']);
        pieces.push(Piece::Words(words.to_owned()));
        pieces.push(Piece::Link(link.to_owned()));
        rest = &rest[start + link.len()..];
    }
    pieces.push(Piece::Words(rest.to_owned()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_a_text_can_be_followed() {
        let words = |text: &str| Piece::Words(text.to_owned());
        let link = |text: &str| Piece::Link(text.to_owned());
        assert_eq!(
            pieces("See https://a.example/x?y=z.\nOr (http://b.example)"),
            [
                words("See "),
                link("https://a.example/x?y=z"),
                words(".\nOr ("),
                link("http://b.example"),
                words(")"),
            ]
        );
        assert_eq!(pieces("none"), [words("none")]);
    }
}
