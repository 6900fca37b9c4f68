//! Who is answered what: `docs/access.md` says it for each route and each kind of caller, and here each cell is called
//! (requirement H13).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kernel::Role;

use super::calls::{Scene, ways};
use super::routes::{Port, Route};
use super::world::{Answer, Person, Things, World};
use super::{Finding, Rule};

static UNDECLARED: Rule = Rule {
    name: "undeclared-route",
    why: "Nobody has said who may call it. A route that forgets to ask is found by whoever tries all addresses, and with \
          100,000 accounts somebody does.",
    fix: "Write a row for it into docs/access.md, with the answer that each caller should get; this gate then tells whether \
          they do.",
    waive: "This one cannot be waived.",
};

static STALE: Rule = Rule {
    name: "stale-row",
    why: "It looks as if something were guarded that is not there, and would pass for the next route of its name.",
    fix: "Delete the row from docs/access.md.",
    waive: "This one cannot be waived.",
};

static UNCALLABLE: Rule = Rule {
    name: "unknown-call",
    why: "A route that no gate can call is one that no gate checks.",
    fix: "Say in tests/src/gates/calls/ what to send to it, so that its handler does what it is there for.",
    waive: "This one cannot be waived.",
};

static ANOTHER_ANSWER: Rule = Rule {
    name: "access",
    why: "Either somebody may do what they should not, or somebody may not do what they should.",
    fix: "Put the handler right: what belongs to a person is looked up with their id, and what is for staff asks for \
          `CurrentStaff` or `ApiStaff`. If the new answer is the one that is wanted, write it into docs/access.md, where a \
          reviewer sees it.",
    waive: "This one cannot be waived.",
};

/// The columns of the table, after the route.
pub const CALLERS: [&str; 6] = [
    "anonymous",
    "customer",
    "another customer",
    "support",
    "finance",
    "admin",
];

/// The customer comes last: what others may not do must not look so because it has been done already.
const ORDER_OF_CALLS: [usize; 6] = [0, 2, 3, 4, 5, 1];

/// What a page answers whoever has to sign in first.
const SIGN_IN: &str = "sign in";

/// What is expected of one route, called in one of its ways.
#[derive(Clone, Debug)]
pub struct Row {
    port: Port,
    /// `GET /products`
    name: String,
    way: String,
    answers: Vec<String>,
}

/// What was wrong, and the table as it would be right.
#[derive(Debug, Default)]
pub struct Called {
    /// What was answered otherwise than declared.
    pub findings: Vec<Finding>,
    /// The rows with what was answered.
    pub rows: String,
}

/// The rows of a document like `docs/access.md`. Those below a heading that speaks of the private port are about that.
#[must_use]
pub fn read(document: &str) -> Vec<Row> {
    let mut port = Port::Public;
    let mut rows = Vec::new();
    for line in document.lines() {
        if line.starts_with('#') && line.contains("private port") {
            port = Port::Private;
        }
        let Some(row) = line.strip_prefix("| `") else {
            continue;
        };
        let mut cells = row.trim_end_matches('|').split('|').map(str::trim);
        let route = cells.next().unwrap_or_default();
        let (name, way) = route.split_once('`').unwrap_or((route, ""));
        rows.push(Row {
            port,
            name: name.to_owned(),
            way: way.trim_start_matches(',').trim().to_owned(),
            answers: cells.map(str::to_owned).collect(),
        });
    }
    rows
}

/// What of `routes` the table leaves out, and what it says of routes that are not there.
#[must_use]
pub fn compare(table: &[Row], routes: &[Route]) -> Vec<Finding> {
    let key = |port, name: &str, way: &str| (port, name.to_owned(), way.to_owned());
    let declared: BTreeSet<_> = table
        .iter()
        .map(|row| key(row.port, &row.name, &row.way))
        .collect();
    let served = routes.iter().flat_map(|route| {
        let ways = ways(route).iter();
        ways.map(|way| key(route.port, &route.name(), way))
    });
    let served: BTreeSet<_> = served.collect();
    let place = |(_, name, way): &(Port, String, String)| titled(name, way);
    let undeclared = served.difference(&declared).map(|it| {
        let what = format!("docs/access.md has no row for it on the {:?} port", it.0);
        UNDECLARED.broken(place(it), what)
    });
    let stale = declared.difference(&served).map(|it| {
        let what = format!("nothing like it is served on the {:?} port", it.0);
        STALE.broken(place(it), what)
    });
    undeclared.chain(stale).collect()
}

/// Calls each of `rows`, as each kind of caller.
pub async fn call(world: &World, rows: &[Row]) -> Called {
    let mut cast = Cast::of(world).await;
    let things = world.furnish(&cast.people[CUSTOMER], 1).await;
    let mut called = Called::default();
    // What only reads changes nothing: it all finds the customer as they were furnished.
    let (reading, changing): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.is_reading());
    for row in reading.into_iter().chain(changing) {
        let answers = row.call(world, &mut cast, &things).await;
        let Some(answers) = answers else {
            let what = "there is a row for it, and nobody has said what to send";
            called.findings.push(UNCALLABLE.broken(&row.name, what));
            continue;
        };
        called.findings.extend(row.judge(&answers));
        let written = row.written(&answers);
        called.rows.push_str(&written);
    }
    called
}

impl Row {
    /// The route and the way in which it is called.
    #[must_use]
    pub fn title(&self) -> String {
        titled(&self.name, &self.way)
    }

    fn is_reading(&self) -> bool {
        self.name.starts_with("GET ")
    }

    /// What each caller is answered; `None` if nobody knows how to call it.
    async fn call(&self, world: &World, cast: &mut Cast, things: &Things) -> Option<Vec<String>> {
        let (method, template) = self.name.split_once(' ')?;
        let route = Route {
            port: self.port,
            method: method.to_owned(),
            template: template.to_owned(),
        };
        let mut answers = vec![String::new(); CALLERS.len()];
        for caller in ORDER_OF_CALLS {
            let person = caller.checked_sub(1);
            if !self.is_reading() {
                cast.renew(world, CUSTOMER).await;
                cast.renew(world, person.unwrap_or(CUSTOMER)).await;
            }
            let caller_of_this = person.map(|person| &cast.people[person]);
            let scene = Scene {
                world,
                customer: &cast.people[CUSTOMER],
                things,
                caller: caller_of_this,
            };
            let call = scene.call(&route, &self.way).await?;
            let answer = world.send(self.port, call, caller_of_this).await;
            answers[caller] = described(&answer);
        }
        Some(answers)
    }

    fn judge(&self, answers: &[String]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (column, (caller, answered)) in CALLERS.iter().zip(answers).enumerate() {
            let declared = self.answers.get(column).map_or("nothing", String::as_str);
            if declared != answered {
                let what =
                    format!("{caller} is answered {answered}, and docs/access.md says {declared}");
                findings.push(ANOTHER_ANSWER.broken(self.title(), what));
            }
        }
        findings
    }

    fn written(&self, answers: &[String]) -> String {
        let mut row = format!("| `{}`", self.name);
        if !self.way.is_empty() {
            let _ = write!(row, ", {}", self.way);
        }
        let _ = writeln!(row, " | {} |", answers.join(" | "));
        row
    }
}

fn titled(name: &str, way: &str) -> String {
    if way.is_empty() {
        name.to_owned()
    } else {
        format!("{name}, {way}")
    }
}

fn described(answer: &Answer) -> String {
    let form = answer.location().split('?').next();
    // A form that was served leads there too, with a message.
    if answer.status.is_redirection() && form == Some("/sign-in") && !answer.has_message() {
        return SIGN_IN.to_owned();
    }
    answer.status.as_u16().to_string()
}

/// Everybody who calls, in the order of the columns after the first.
struct Cast {
    people: Vec<Person>,
}

const CUSTOMER: usize = 0;

impl Cast {
    async fn of(world: &World) -> Self {
        let mut people = Vec::new();
        let staff = [Role::Support, Role::Finance, Role::Admin];
        for role in [Role::Customer, Role::Customer].into_iter().chain(staff) {
            people.push(world.person(role).await);
        }
        Self { people }
    }

    /// Replaces somebody whom a call has signed out or given another address.
    async fn renew(&mut self, world: &World, person: usize) {
        let person = &mut self.people[person];
        if !world.knows(person).await {
            *person = world.person(person.role).await;
        }
    }
}
