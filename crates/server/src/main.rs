//! The command line of the one binary.

use std::io::Write as _;
use std::net::SocketAddr;
use std::str::FromStr;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use kernel::{Entropy, JobId};
use platform::migrations::{Migrations, Patience};
use secrecy::ExposeSecret as _;
use server::app::App;
use server::config::{self, Environment, MigrationSettings, Settings};
use server::http::assets::shared;
use server::http::{api, private_router, router};
use server::serve::{serve, stop_on_signal};
use server::{backfills, backups, migrations, probe, seed, telemetry, worker};
use sqlx::{Connection as _, PgConnection};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// The shop: pages, API and worker in one binary. Settings come from the environment.
#[derive(Parser)]
#[command(version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Subcommand)]
enum Command {
    /// Serve pages and API, and metrics on the private port
    Serve {
        /// Run background jobs in this process too
        #[arg(long)]
        with_worker: bool,
    },
    /// Run background jobs, and serve metrics on the private port
    Worker,
    /// Look after the jobs that were given up
    Jobs {
        #[command(subcommand)]
        action: DeadJobs,
    },
    /// Give rows of releases before what they lack, batch by batch
    Backfill {
        #[command(subcommand)]
        action: backfills::Action,
    },
    /// Say what a database holds, and whether one that was restored is whole; `deploy/backup` calls it
    Backup {
        #[command(subcommand)]
        action: backups::Action,
    },
    /// List where our books and the payment provider's differ
    Mismatches,
    /// Apply the migrations that are missing; needs `MIGRATION_DATABASE_URL` alone
    Migrate {
        /// Print what would run, and change nothing
        #[arg(long, conflicts_with = "down_to")]
        plan: bool,
        /// Undo what was applied to a module after this version, 0 for all, and its data with it; in development alone
        #[arg(long, value_name = "MODULE:VERSION")]
        down_to: Option<Target>,
    },
    /// Fill an empty shop with demo data, and print who can sign in as JSON
    Seed,
    /// Look after the assets that the proxy serves for the last releases
    Assets {
        #[command(subcommand)]
        action: shared::Action,
    },
    /// Say what is wrong with the environment, if anything
    CheckConfig,
    /// Ask the process that runs with these settings whether it is ready; fails when it is not
    Health {
        /// Ask on the private port: a worker has no other
        #[arg(long)]
        worker: bool,
    },
    /// Print the description of the API
    Openapi,
}

#[derive(Clone, Copy, Subcommand)]
enum DeadJobs {
    /// List them, the latest first
    List,
    /// Run one again, or all, with all their attempts
    Retry {
        /// Which; all where none is named
        id: Option<JobId>,
    },
    /// Delete one for good
    Discard {
        /// Which
        id: JobId,
    },
}

/// A state of one module's schema.
#[derive(Clone, Debug)]
struct Target {
    module: String,
    version: i64,
}

// Not fuzzed: what a developer types.
impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(':');
        let target = parts.and_then(|(module, version)| {
            Some(Self {
                module: module.to_owned(),
                version: version.parse().ok()?,
            })
        });
        target.ok_or("a module and a number, as in orders:3")
    }
}

fn main() -> anyhow::Result<()> {
    // Several libraries bring cryptography along; without a choice, the first connection would panic.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("cryptography was chosen before main"))?;
    match CommandLine::parse().command {
        Command::Serve { with_worker } => {
            run(async |app, settings| serve_public(app, settings, with_worker).await)
        }
        Command::Worker => run(work),
        Command::Jobs { action } => run(async |app, _| look_after_jobs(&app, action).await),
        Command::Backfill { action } => {
            run(async |app, _| print(&backfills::look_after(&app, &action).await?))
        }
        Command::Backup { action } => {
            run(async |app, _| print(&backups::look_after(&app, &action).await?))
        }
        Command::Mismatches => run(async |app, _| list_mismatches(&app).await),
        Command::Migrate { plan, down_to } => migrate(plan, down_to),
        Command::Seed => run(async |app, settings| {
            anyhow::ensure!(
                settings.environment == Environment::Development,
                "demo accounts have a known password: not in production"
            );
            let seeded = seed::seed(&app).await?;
            print(&serde_json::to_string_pretty(&seeded)?)
        }),
        Command::Assets { action } => print(&shared::look_after(&action)?),
        Command::CheckConfig => {
            Settings::load()?;
            print("The configuration is sound.")
        }
        Command::Health { worker } => {
            probe::ask(config::own_address(worker)?)?;
            print("It is ready.")
        }
        Command::Openapi => print(&serde_json::to_string_pretty(&api::description())?),
    }
}

/// Starts logging and the runtime, puts the application together and runs `work`.
fn run(work: impl AsyncFnOnce(App, Settings) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let settings = Settings::load()?;
    let _telemetry = telemetry::init(&settings.telemetry)?;
    runtime()?.block_on(async {
        let app = App::connect(&settings)?;
        work(app, settings).await
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")
}

async fn serve_public(app: App, settings: Settings, with_worker: bool) -> anyhow::Result<()> {
    let public = listen(settings.listen).await?;
    let private = listen(settings.listen_private).await?;
    let draining = app.clone();
    let stop = stop_on_signal(move || draining.readiness().drain())?;
    tracing::info!(address = %settings.listen, metrics = %settings.listen_private, "serving");
    let jobs = async {
        if with_worker {
            worker::work(&app, stop.clone()).await
        } else {
            Ok(())
        }
    };
    let ((), (), worked) = tokio::join!(
        serve(
            public,
            router(app.clone()),
            app.tasks().clone(),
            stop.clone()
        ),
        serve(
            private,
            private_router(app.clone()),
            TaskTracker::new(),
            stop.clone()
        ),
        jobs,
    );
    worked
}

async fn work(app: App, settings: Settings) -> anyhow::Result<()> {
    let private = listen(settings.listen_private).await?;
    let draining = app.clone();
    let stop = stop_on_signal(move || draining.readiness().drain())?;
    tracing::info!(metrics = %settings.listen_private, "working");
    let ((), worked) = tokio::join!(
        serve(
            private,
            private_router(app.clone()),
            TaskTracker::new(),
            stop.clone()
        ),
        worker::work(&app, stop),
    );
    worked
}

async fn look_after_jobs(app: &App, action: DeadJobs) -> anyhow::Result<()> {
    /// As many as a person looks at, or retries, at once.
    const PAGE: i64 = 1_000;

    let platform = app.platform();
    let mut tx = platform.db.begin().await?;
    let told = match action {
        DeadJobs::List => {
            let dead = platform.jobs.list_dead(&mut tx, PAGE).await?;
            let lines = dead.iter().map(|job| {
                let died = job.died_at.unwrap_or_default().format("%F %T");
                format!("{}  {died}  {}  {}", job.id, job.kind, job.error)
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        DeadJobs::Retry { id: Some(id) } => {
            let found = platform.jobs.retry_dead(&mut tx, id).await?;
            anyhow::ensure!(found, "no dead job has this id");
            "It waits to be run.".to_owned()
        }
        DeadJobs::Retry { id: None } => {
            let dead = platform.jobs.list_dead(&mut tx, PAGE).await?;
            for job in &dead {
                platform.jobs.retry_dead(&mut tx, job.id).await?;
            }
            format!("{} wait to be run.", dead.len())
        }
        DeadJobs::Discard { id } => {
            let found = platform.jobs.discard_dead(&mut tx, id).await?;
            anyhow::ensure!(found, "no dead job has this id");
            "It is deleted.".to_owned()
        }
    };
    tx.commit().await.context("commit")?;
    print(&told)
}

async fn list_mismatches(app: &App) -> anyhow::Result<()> {
    let open = app.billing().list_mismatches().await?;
    let lines = open.iter().map(|it| {
        let since = it.first_seen_at.format("%F %T");
        let [ours, theirs] =
            [&it.ours, &it.theirs].map(|side| side.as_deref().unwrap_or("nothing"));
        format!(
            "{}  {since}  {}  here: {ours}  there: {theirs}",
            it.subject, it.kind
        )
    });
    print(&lines.collect::<Vec<_>>().join("\n"))
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}: is another process using that port?"))
}

fn migrate(plan: bool, down_to: Option<Target>) -> anyhow::Result<()> {
    let settings = MigrationSettings::load()?;
    anyhow::ensure!(
        down_to.is_none() || settings.environment == Environment::Development,
        "what is undone takes its data with it: not in production. There, a new migration puts right what an old one did"
    );
    let said = runtime()?.block_on(async {
        let mut connection = PgConnection::connect(settings.database_url.expose_secret())
            .await
            .context("connect to the database as the migrating role")?;
        let migrators = migrations::all();
        // Whoever watches a release wants to see what takes so long while it does.
        let tell = |line: &str| print(line).unwrap_or_default();
        let (patience, entropy) = (Patience::default(), Entropy::system());
        let migrations = Migrations::new(&migrators, patience, entropy, tell);
        let said = if let Some(Target { module, version }) = down_to {
            migrations.undo(&mut connection, &module, version).await?;
            format!("{module} is at {version}.")
        } else if plan {
            migrations::told(&migrations.plan(&mut connection).await?)
        } else {
            migrations.apply(&mut connection).await?;
            "The database is up to date.".to_owned()
        };
        connection.close().await.context("close the connection")?;
        anyhow::Ok(said)
    })?;
    print(&said)
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("write to the standard output")
}
