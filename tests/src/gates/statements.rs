//! How many statements each page and each operation that reads sends to the database (requirement B2).
//!
//! Every GET route is called in two shops: in one, there is one of everything, and in the other twenty. What is sent must be
//! the same in both, and may not be more than its budget in `tests/it/gates/statements.txt`. Statements are known by their
//! text, which sqlx tells for each that it sends, so one that a loop sends is named with the file and line where it stands.

use std::collections::BTreeMap;

use kernel::Role;

use super::calls::{Scene, is_refused, ways};
use super::plans::Query;
use super::routes::{Port, Route};
use super::world::{Answer, Person, Things, World};
use super::{Finding, Rule};

static GROWS: Rule = Rule {
    name: "grows",
    why: "It sends a statement for each row. With 20 rows and 1 ms each that is a connection taken for 20 ms longer: the pool \
          of 10 then serves 500 such requests a second less, and 100,000 people wait in its queue.",
    fix: "Ask for all rows at once: `WHERE order_id = ANY($1)` with the ids of the list, as `with_lines` in \
          crates/orders/src/db/orders.rs does.",
    waive: "In tests/it/gates/statements.txt, after the route: `# waive grows: <reason>`.",
};

static REPEATED: Rule = Rule {
    name: "repeated",
    why: "Only a loop sends one statement three times. However small it is today, it grows with its list.",
    fix: "Ask for all rows at once, with `= ANY($1)`; or hand on what was read before.",
    waive: "In the statement itself: `-- waive repeated: <reason>`.",
};

static WRITES: Rule = Rule {
    name: "writes",
    why: "Browsers, proxies and search engines repeat and prefetch GET requests; none of them may change anything. And a read \
          that locks or writes can never go to a replica.",
    fix: "Read without a lock, and change things by a form or in a job.",
    waive: "In tests/it/gates/statements.txt, after the route: `# waive writes: <reason>`.",
};

static BUDGET: Rule = Rule {
    name: "budget",
    why: "Statements come one by one, and nobody notices the tenth. In this file a reviewer does.",
    fix: "See what is new among them. If it is needed, or fewer do: what was measured stands in target/gates/statements.txt; \
          copy it over tests/it/gates/statements.txt.",
    waive: "The file is the waiver: its change is reviewed.",
};

static UNSEEN: Rule = Rule {
    name: "unseen-route",
    why: "A route that is not called, or does not get as far as its statements, is one whose loops nobody sees.",
    fix: "Say in tests/src/gates/calls.rs what it is called with, and what there is to find in tests/src/gates/world.rs.",
    waive: "This one cannot be waived.",
};

static WAIVER: Rule = Rule {
    name: "waiver",
    why: "A waiver without a reason, or for nothing, lets the next fault through unseen.",
    fix: "Say in tests/it/gates/statements.txt why it has to be so, or delete the waiver.",
    waive: "This one cannot be waived.",
};

/// The shortest that passes for a reason.
const SHORTEST_REASON: usize = 15;

/// How many rows there are of everything, in the one shop and in the other.
const FEW: u32 = 1;
const MANY: u32 = 20;

/// A shop with a customer and a member of staff, who look at everything.
pub struct Stage {
    world: World,
    customer: Person,
    staff: Person,
    things: Things,
}

/// The same shop twice: with one of everything, and with twenty.
pub struct Stages {
    few: Stage,
    many: Stage,
}

/// What one route has sent, called in one of its ways.
#[derive(Clone, Debug)]
pub struct Measured {
    /// `GET /products, a search`
    pub title: String,
    /// Each statement with how often it was sent where there are few rows, and where there are many.
    sent: [Vec<(String, u32)>; 2],
}

impl Stage {
    async fn set(rows: u32, change: &impl Fn(&mut World)) -> Self {
        let mut world = World::open().await;
        change(&mut world);
        let customer = world.person(Role::Customer).await;
        Self {
            things: world.furnish(&customer, rows).await,
            staff: world.person(Role::Admin).await,
            customer,
            world,
        }
    }

    /// The statements of the second of two calls: the first may fill a cache.
    async fn call(&self, route: &Route, way: &str) -> Result<Vec<(String, u32)>, String> {
        let mut sent = Vec::new();
        for _ in 0..2 {
            let mut answer = self.answer(&self.customer, route, way).await?;
            if answer.status == http::StatusCode::NOT_FOUND {
                answer = self.answer(&self.staff, route, way).await?;
            }
            if !(answer.status.is_success() || answer.status.is_redirection()) {
                return Err(format!("it answers {}", answer.status));
            }
            let tally = answer.tally.ok_or("nobody counts its statements")?;
            sent = tally.sent();
        }
        Ok(sent)
    }

    async fn answer(&self, caller: &Person, route: &Route, way: &str) -> Result<Answer, String> {
        let scene = Scene {
            world: &self.world,
            customer: &self.customer,
            things: &self.things,
            caller: Some(caller),
        };
        let call = scene.call(route, way).await;
        let call = call.ok_or("nobody has said what to send")?;
        Ok(self.world.send(route.port, call, Some(caller)).await)
    }
}

impl Stages {
    /// Both shops, with `change` made to them.
    pub async fn set(change: impl Fn(&mut World)) -> Self {
        Self {
            few: Stage::set(FEW, &change).await,
            many: Stage::set(MANY, &change).await,
        }
    }

    /// The routes that the shop serves to the public and that only read, with a finding for each that hides what it serves.
    #[must_use]
    pub fn routes(&self) -> (Vec<Route>, Vec<Finding>) {
        let served = self.few.world.router(Port::Public);
        let (mut routes, findings) = super::routes::read(Port::Public, served);
        routes.retain(Route::is_reading);
        (routes, findings)
    }

    /// What each of `routes` sends; and a finding for each that could not be measured.
    pub async fn measure(&self, routes: &[Route]) -> (Vec<Measured>, Vec<Finding>) {
        let (mut measured, mut findings) = (Vec::new(), Vec::new());
        for route in routes {
            for way in ways(route).iter().filter(|way| !is_refused(way)) {
                let title = titled(route, way);
                let few = self.few.call(route, way).await;
                let many = self.many.call(route, way).await;
                match (few, many) {
                    (Ok(few), Ok(many)) => measured.push(Measured {
                        title,
                        sent: [few, many],
                    }),
                    (Err(what), _) | (_, Err(what)) => findings.push(UNSEEN.broken(title, what)),
                }
            }
        }
        (measured, findings)
    }
}

impl Measured {
    fn count(&self, shop: usize) -> u32 {
        self.sent[shop].iter().map(|(_, times)| times).sum()
    }

    /// What is wrong with it whatever its budget.
    fn troubles(&self, queries: &[Query]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let (few, many) = (self.count(0), self.count(1));
        if few != many {
            let few_times: BTreeMap<_, _> = self.sent[0].iter().cloned().collect();
            let grown = self.sent[1]
                .iter()
                .filter(|(text, times)| few_times.get(text) != Some(times));
            let grown: Vec<_> = grown
                .map(|(text, times)| named(text, *times, queries))
                .collect();
            let what = format!(
                "it sends {few} statements over {FEW} row and {many} over {MANY}: {}",
                grown.join("; ")
            );
            findings.push(GROWS.broken(&self.title, what));
        }
        for (text, times) in &self.sent[1] {
            if *times >= 3 && !text.contains("-- waive repeated:") {
                findings.push(REPEATED.broken(&self.title, named(text, *times, queries)));
            }
            if writes(text) {
                let what = format!("it writes or locks: {}", named(text, *times, queries));
                findings.push(WRITES.broken(&self.title, what));
            }
        }
        findings
    }
}

/// What one line of `statements.txt` permits.
struct Budget<'a> {
    count: u32,
    title: &'a str,
    /// The rule that is waived and the reason.
    waiver: Option<(&'a str, &'a str)>,
}

impl<'a> Budget<'a> {
    /// `   4  GET /orders    # waive writes: the provider sends people here`
    fn parse(line: &'a str) -> Option<Self> {
        let (budget, comment) = line.split_once('#').unwrap_or((line, ""));
        let (count, title) = budget.trim().split_once(' ')?;
        let waiver = comment.trim().strip_prefix("waive ");
        Some(Self {
            count: count.parse().ok()?,
            title: title.trim(),
            waiver: waiver.map(|waiver| {
                let (rule, reason) = waiver.split_once(':').unwrap_or((waiver, ""));
                (rule.trim(), reason.trim())
            }),
        })
    }
}

/// What is wrong with what was `measured`, as far as `budgets` do not permit it; `queries` tell where statements stand.
#[must_use]
pub fn judge(measured: &[Measured], budgets: &str, queries: &[Query]) -> Vec<Finding> {
    let budgets: BTreeMap<_, _> = lines(budgets)
        .map(|budget| (budget.title, budget))
        .collect();
    let mut findings = Vec::new();
    for route in measured {
        let mut troubles = route.troubles(queries);
        let budget = budgets.get(route.title.as_str());
        if let Some((rule, reason)) = budget.and_then(|budget| budget.waiver) {
            if reason.chars().count() < SHORTEST_REASON {
                findings.push(
                    WAIVER.broken(&route.title, format!("`{rule}` is waived without a reason")),
                );
            }
            let before = troubles.len();
            troubles.retain(|trouble| trouble.rule.name != rule);
            if troubles.len() == before {
                findings.push(WAIVER.broken(
                    &route.title,
                    format!("`{rule}` is waived, and nothing is wrong"),
                ));
            }
        }
        findings.extend(troubles);
        let (count, most) = (route.count(1), budget.map(|budget| budget.count));
        if most != Some(count) {
            let most = most.map_or("there is no budget for it".to_owned(), |most| {
                format!("its budget is {most}")
            });
            findings.push(BUDGET.broken(
                &route.title,
                format!("it sends {count} statements, and {most}"),
            ));
        }
    }
    let gone = budgets
        .keys()
        .filter(|title| !measured.iter().any(|route| route.title == **title));
    findings.extend(gone.map(|title| BUDGET.broken(*title, "it has a budget, and is not served")));
    findings
}

/// The budgets as they would be right for what was `measured`, with the waivers of `before`.
#[must_use]
pub fn budgets(measured: &[Measured], before: &str) -> String {
    let head = before
        .lines()
        .take_while(|line| line.starts_with('#') || line.is_empty());
    let mut written: Vec<_> = head.map(str::to_owned).collect();
    let waivers: BTreeMap<_, _> = lines(before)
        .map(|budget| (budget.title, budget.waiver))
        .collect();
    written.extend(measured.iter().map(|route| {
        let waiver = waivers.get(route.title.as_str()).copied().flatten();
        let waiver = waiver.map(|(rule, reason)| format!("  # waive {rule}: {reason}"));
        format!(
            "{:4}  {}{}",
            route.count(1),
            route.title,
            waiver.unwrap_or_default()
        )
    }));
    written.join("\n") + "\n"
}

fn lines(budgets: &str) -> impl Iterator<Item = Budget<'_>> {
    budgets.lines().filter_map(Budget::parse)
}

fn titled(route: &Route, way: &str) -> String {
    let name = route.name();
    if way.is_empty() {
        name
    } else {
        format!("{name}, {way}")
    }
}

/// A statement, where it stands and how often it was sent.
fn named(text: &str, times: u32, queries: &[Query]) -> String {
    let known = queries
        .iter()
        .find(|query| query.text.trim() == text.trim());
    match known {
        Some(query) => format!("the statement of {} was sent {times} times", query.place),
        None => format!("`{text}` was sent {times} times"),
    }
}

/// Whether a statement changes or locks something, also in a part of it such as a `WITH`. Its words tell: what stands in
/// comments and between quotes does not count, and none of our columns is called like one of these.
fn writes(text: &str) -> bool {
    let code = text
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join(" ").to_ascii_uppercase();
    let outside_quotes = code.split('\'').step_by(2);
    let mut words = outside_quotes
        .flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    words.any(|word| {
        let verbs = [
            "INSERT",
            "UPDATE",
            "DELETE",
            "MERGE",
            "TRUNCATE",
            "SHARE",
            "NEXTVAL",
            "SETVAL",
            "PG_NOTIFY",
        ];
        verbs.contains(&word)
            || word.starts_with("PG_ADVISORY_")
            || word.starts_with("PG_TRY_ADVISORY_")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_writes_is_known_by_its_words() {
        for text in [
            "UPDATE orders.orders SET status = 'paid' WHERE id = $1",
            "WITH gone AS (DELETE FROM orders.carts RETURNING id) SELECT id FROM gone",
            "SELECT id FROM orders.orders WHERE id = $1 FOR NO KEY UPDATE",
            "SELECT nextval('orders.numbers')",
            "SELECT pg_advisory_xact_lock($1)",
        ] {
            assert!(writes(text), "{text}");
        }
        for text in [
            "SELECT updated_at, deleted FROM orders.orders -- before an update",
            "SELECT id FROM platform.jobs WHERE kind = 'insert or update'",
        ] {
            assert!(!writes(text), "{text}");
        }
    }
}
