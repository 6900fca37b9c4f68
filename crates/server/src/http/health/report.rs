//! `/healthz`: what this process knows of everything that it depends on, for members of staff.
//!
//! PostgreSQL and Redis are asked. Partners are not: how they stand follows from the calls that were made anyway, so that
//! nobody calls them by looking. The private port shows the same without signing in, because Redis, which knows who is
//! signed in, may be what is down.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::extract::State;
use platform::db::Db;
use platform::migrations;
use platform::outbound::Standing;
use serde::Serialize;
use sqlx::Connection as _;
use tokio::time::timeout;

use crate::app::App;
use crate::http::extract::Json;
use crate::http::session::CurrentStaff;
use crate::migrations::all;

/// How long an answer is waited for. What takes longer is as good as gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// The state of the process and of everything around it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    release: String,
    /// Whether the process asks its proxy for requests.
    is_ready: bool,
    /// Whether the database has the migrations of this release; the first one that it lacks, if not.
    migrations: String,
    pool: Pool,
    dependencies: Vec<Dependency>,
}

/// The connections to PostgreSQL.
#[derive(Debug, Serialize)]
struct Pool {
    open: u32,
    idle: usize,
    most: u32,
}

/// Something that the process depends on, under the name that the metrics have for it.
#[derive(Debug, Serialize)]
struct Dependency {
    name: &'static str,
    /// Whether the last call reached it and found it working; nothing if none was made yet.
    works: Option<bool>,
    /// What came of that call, as the metrics count it.
    outcome: Option<String>,
    /// How long it took, in milliseconds.
    ms: Option<f64>,
    /// How long ago that was.
    seconds_ago: Option<u64>,
    /// What the circuit breaker does with the next call. PostgreSQL has a pool instead.
    breaker: Option<&'static str>,
}

/// To staff on the public port.
pub(super) async fn for_staff(State(app): State<App>, _: CurrentStaff) -> Json<Report> {
    Json(Report::of(&app).await)
}

/// To the operator's own network.
pub(super) async fn for_operators(State(app): State<App>) -> Json<Report> {
    Json(Report::of(&app).await)
}

impl Report {
    async fn of(app: &App) -> Self {
        let platform = app.platform();
        let migrators = all();
        let (database, _answer, migrations) = tokio::join!(
            Dependency::postgresql(&platform.db),
            // What came of it, its guard remembers.
            platform.redis.ping(),
            timeout(PATIENCE, migrations::require(&platform.db, &migrators)),
        );
        let guarded = [platform.redis.standing(), platform.mailer.standing()];
        let partners = platform.outbound.standings();
        let guarded = guarded.into_iter().chain(partners).map(Dependency::from);
        let pool = platform.db.pool();
        Self {
            release: app.site().release.clone(),
            is_ready: app.readiness().is_ready(),
            migrations: match migrations {
                Ok(Ok(())) => "complete".to_owned(),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "unknown: the database does not answer".to_owned(),
            },
            pool: Pool {
                open: pool.size(),
                idle: pool.num_idle(),
                most: pool.options().get_max_connections(),
            },
            dependencies: std::iter::once(database).chain(guarded).collect(),
        }
    }
}

impl Dependency {
    async fn postgresql(db: &Db) -> Self {
        let since = Instant::now();
        let answer = timeout(PATIENCE, async {
            db.acquire().await?.ping().await.context("ping")
        });
        let outcome = match answer.await {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "deadline".to_owned(),
        };
        Self {
            name: "postgresql",
            works: Some(outcome == "ok"),
            outcome: Some(outcome),
            ms: Some(since.elapsed().as_secs_f64() * 1e3),
            seconds_ago: Some(0),
            breaker: None,
        }
    }
}

impl From<Standing> for Dependency {
    fn from(standing: Standing) -> Self {
        let last = standing.last;
        Self {
            name: standing.dependency,
            works: last.map(|call| call.worked),
            outcome: last.map(|call| call.outcome.to_owned()),
            ms: last.map(|call| call.took.as_secs_f64() * 1e3),
            seconds_ago: last.map(|call| call.ended.elapsed().as_secs()),
            breaker: Some(standing.breaker.as_str()),
        }
    }
}
