//! The one list of backfills, and what the command line does with them.

use clap::Subcommand;
use orders::FillSearch;
use platform::Platform;
use platform::backfills::{Backfills, Standing, State};

use crate::app::App;

/// Every backfill. One may go when no migration that has yet to be applied somewhere requires it.
#[must_use]
pub fn declared(platform: &Platform) -> Backfills {
    Backfills::new(platform).with::<FillSearch>()
}

/// What a person does about backfills.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// List them all with how far they have come
    List,
    /// Have a worker begin one, once the release before is gone everywhere: it still writes rows without it
    Run {
        /// Which, as the list calls it
        name: String,
        /// Begin at the first row although it was paused or complete
        #[arg(long)]
        again: bool,
    },
    /// Say how far one has come, and what it is doing
    Status {
        /// Which
        name: String,
    },
    /// Have one stop after its current batch
    Pause {
        /// Which
        name: String,
    },
    /// Have one go on where it was paused or given up
    Resume {
        /// Which
        name: String,
    },
}

/// Does `action` and tells what came of it.
///
/// # Errors
/// If it cannot be done, or the database cannot be reached.
pub async fn look_after(app: &App, action: &Action) -> anyhow::Result<String> {
    let backfills = app.backfills();
    match action {
        Action::List => {
            let standings = backfills.list().await?;
            let lines: Vec<_> = standings.iter().map(line).collect();
            Ok(lines.join("\n"))
        }
        Action::Run { name, again } => {
            backfills.start(name, *again).await?;
            Ok(format!(
                "It waits for a worker. See `server backfill status {name}`."
            ))
        }
        Action::Status { name } => Ok(details(&backfills.get(name).await?)),
        Action::Pause { name } => {
            backfills.pause(name).await?;
            Ok(format!(
                "It is paused: {}.",
                progress(&backfills.get(name).await?)
            ))
        }
        Action::Resume { name } => {
            backfills.resume(name).await?;
            Ok("It waits for a worker, to go on where it was.".to_owned())
        }
    }
}

fn line(standing: &Standing) -> String {
    let Standing { name, state, .. } = standing;
    let mut line = format!("{name}  {state}  {}", progress(standing));
    if let Some(error) = &standing.error {
        line.push_str("  ");
        line.push_str(error);
    }
    line
}

fn progress(standing: &Standing) -> String {
    let &Standing {
        looked_at, changed, ..
    } = standing;
    match (standing.state, standing.rows, standing.remaining()) {
        (State::NotRun, Some(rows), _) => format!("about {rows} rows to look at"),
        (State::NotRun, None, _) => "nobody knows how many rows to look at".to_owned(),
        (State::Complete, ..) | (_, _, None) => {
            format!("{looked_at} rows looked at, {changed} changed")
        }
        (.., Some(left)) => {
            format!("{looked_at} rows looked at, {changed} changed, about {left} left")
        }
    }
}

fn details(standing: &Standing) -> String {
    let mut lines = vec![line(standing)];
    let time = |label, time: Option<chrono::DateTime<chrono::Utc>>| {
        time.map(|time| format!("  {label} {}", time.format("%F %T")))
    };
    lines.extend(time("started  ", standing.started_at));
    lines.extend(time("finished ", standing.finished_at));
    lines.extend(time("next     ", standing.next_at));
    if standing.batches > 0 {
        let &Standing {
            batches,
            batch_size,
            ..
        } = standing;
        lines.push(format!(
            "  batches   {batches} done, the next of up to {batch_size} rows"
        ));
    }
    if let Some(key) = &standing.last_key {
        lines.push(format!("  last key  {key}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
