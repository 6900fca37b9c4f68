//! The routes of a router, as the router itself has them.
//!
//! axum shows its routes to nobody, except to whoever prints the router for debugging. That text is read here: it is about
//! the very router that serves, with all that was merged, nested and layered, so no route can be registered past it.
//! `docs/decisions/0022-routes-are-read-from-the-router.md` says what was rejected. What another version of axum
//! prints otherwise fails here, and every gate with it.

use std::collections::BTreeMap;
use std::fmt;

use axum::Router;

use super::{Finding, Rule};

static OPAQUE: Rule = Rule {
    name: "opaque-route",
    why: "Nobody can tell what is served behind it, or to which methods: no gate sees whether it is guarded or how many \
          statements it sends.",
    fix: "Register its routes one by one, with `get`, `post` and so on, instead of `any`, `route_service`, `nest_service` \
          or `fallback_service`.",
    waive: "This one cannot be waived.",
};

const FORMAT: &str = "axum prints its router otherwise than before: see tests/src/gates/routes.rs";

/// Where a route is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// Where people come.
    Public,
    /// Where the operator's own network comes.
    Private,
}

/// What a handler answers: a method and a template such as `/orders/{number}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Where it is served.
    pub port: Port,
    /// `GET`. axum answers `HEAD` from the same handler, so that is no route of its own.
    pub method: String,
    /// `/orders/{number}`
    pub template: String,
}

impl Route {
    /// `GET /orders/{number}`, whichever the port.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    /// Whether it belongs to programs, which show a token where browsers show a cookie.
    #[must_use]
    pub fn is_api(&self) -> bool {
        self.template.starts_with("/api/v1/")
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = match self.port {
            Port::Public => "",
            Port::Private => ", on the private port",
        };
        write!(f, "{}{port}", self.name())
    }
}

/// Every route of `router`, in order; and a finding for each that hides what it serves.
///
/// # Panics
/// If axum prints the router in another way than this knows.
#[must_use]
pub fn read(port: Port, router: &Router) -> (Vec<Route>, Vec<Finding>) {
    let printed = format!("{router:?}");
    let (known, fallback) = printed.split_once(", fallback_router: ").expect(FORMAT);
    let (endpoints, paths) = known.rsplit_once("node: Node { paths: {").expect(FORMAT);
    let endpoints: BTreeMap<_, _> = by_id(endpoints).collect();
    let mut templates = by_id(paths);
    let (mut found, mut findings) = (Vec::new(), Vec::new());
    for (id, template) in &mut templates {
        let template = template.split('"').nth(1).expect(FORMAT);
        match methods(endpoints[id]) {
            Some(methods) => found.extend(methods.into_iter().map(|method| Route {
                port,
                method: method.to_owned(),
                template: template.to_owned(),
            })),
            None => findings.push(OPAQUE.broken(template, "what it serves cannot be seen")),
        }
    }
    assert!(!found.is_empty(), "{FORMAT}");
    let is_own = fallback.contains("default_fallback: false");
    if is_own && by_id(fallback).any(|(_, endpoint)| endpoint.starts_with("Route(")) {
        findings.push(OPAQUE.broken("the fallback", "it is a service of its own"));
    }
    found.sort();
    (found, findings)
}

/// What stands after each `RouteId(7): `.
fn by_id(printed: &str) -> impl Iterator<Item = (&str, &str)> {
    let entries = printed.split("RouteId(").skip(1);
    entries.filter_map(|entry| entry.split_once("): "))
}

/// The methods that an endpoint answers; `None` if it may be all of them.
fn methods(endpoint: &str) -> Option<Vec<&str>> {
    let (_, allowed) = endpoint.split_once("allow_header: Bytes(b\"")?;
    let methods = allowed.split('"').next()?.split(',');
    Some(methods.filter(|method| *method != "HEAD").collect())
}
