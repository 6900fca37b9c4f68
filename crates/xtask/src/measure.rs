//! `cargo xtask measure`: the figures of the README, on the machine where it runs.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use crate::{
    checkout::{self, shown},
    dev::build::Build,
    prepare::touch,
    process::{self, Interrupt, Managed},
    services::Borrowed,
    shop::{Shop, page_status},
};

/// The file of the use case that a developer is taken to work on.
const EDITED: &str = "crates/orders/src/place.rs";

/// How often a short figure is taken; the middle one counts.
const REPETITIONS: usize = 5;

/// How long a server that has answered its first request is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);

const START_LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn run(interrupt: &Interrupt) -> anyhow::Result<()> {
    let cold = cold_build(interrupt)?;
    let rebuild = rebuild(interrupt)?;
    let release = Build::new(true)?;
    release.run_or_fail(interrupt)?;
    let size = fs::metadata(release.binaries().join("server"))
        .context("look at the release binary")?
        .len();
    let running = measure_server(&release, interrupt)?;
    let cores = thread::available_parallelism().context("count the cores")?;

    println!("\n| figure, on {cores} cores | measured |");
    println!("|---|---|");
    println!(
        "| cold build of server and sandbox | {:.0} s |",
        cold.as_secs_f64()
    );
    println!(
        "| build after touching `{EDITED}` | {:.1} s |",
        rebuild.as_secs_f64()
    );
    println!("| release binary, stripped | {} MB |", in_mb(size));
    println!(
        "| start of the server until it is ready | {} ms |",
        running.start.as_millis()
    );
    println!(
        "| memory of the idle server | {} MB |",
        in_mb(running.memory)
    );
    Ok(())
}

/// Everything from nothing, except for downloads, in a folder of its own that is deleted again.
fn cold_build(interrupt: &Interrupt) -> anyhow::Result<Duration> {
    let fetched = process::run(&mut checkout::cargo(["fetch"]), interrupt)?;
    ensure!(
        fetched.success(),
        "cargo could not download the dependencies: see its message above"
    );
    let target = checkout::metadata()?.target_directory.join("measure");
    fs::remove_dir_all(&target).ok();
    let mut build = Build::new(false)?.command();
    let took = time(build.env("CARGO_TARGET_DIR", &target), interrupt);
    fs::remove_dir_all(&target).ok();
    took
}

/// From touching one use case to a server that could be started.
fn rebuild(interrupt: &Interrupt) -> anyhow::Result<Duration> {
    let build = Build::new(false)?;
    build.run_or_fail(interrupt)?;
    median(|| {
        touch(&checkout::root().join(EDITED))?;
        time(&mut build.command(), interrupt)
    })
}

fn time(build: &mut Command, interrupt: &Interrupt) -> anyhow::Result<Duration> {
    let since = Instant::now();
    let status = process::run(build, interrupt)?;
    ensure!(
        status.success(),
        "the shop does not build: see the messages above"
    );
    Ok(since.elapsed())
}

struct Running {
    start: Duration,
    memory: u64,
}

/// Runs the server on a migrated, empty database.
fn measure_server(release: &Build, interrupt: &Interrupt) -> anyhow::Result<Running> {
    let services = Borrowed::new(interrupt)?;
    services.create_database(interrupt)?;
    let home = services.home().to_owned();
    let shop = Shop::new(release.binaries(), home.clone(), services.addresses())?;
    let mut migrate = shop.server("migrate");
    let migrated = process::run(migrate.stdout(Stdio::null()), interrupt)?;
    ensure!(
        migrated.success(),
        "the database could not be migrated: see the message above"
    );

    let start = median(|| {
        let (mut server, took) = start_server(&shop, &home, interrupt)?;
        server.end(IDLE, interrupt)?;
        Ok(took)
    })?;
    let (mut server, _) = start_server(&shop, &home, interrupt)?;
    thread::sleep(IDLE);
    let memory = resident_bytes(server.pid())?;
    server.end(IDLE, interrupt)?;
    Ok(Running { start, memory })
}

/// Returns the server and the time that it took to answer that it is ready.
fn start_server(
    shop: &Shop,
    home: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<(Managed, Duration)> {
    let log = home.join("logs/measured-server.log");
    let since = Instant::now();
    let server = Managed::start("server", &mut shop.server("serve"), &log, &home.join("run"))?;
    while page_status(shop.web, "/readyz") != Some(200) {
        interrupt.check()?;
        ensure!(
            since.elapsed() < START_LIMIT,
            "the server did not get ready: see {}",
            shown(&log)
        );
        thread::sleep(Duration::from_millis(1));
    }
    Ok((server, since.elapsed()))
}

fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let output = Command::new("ps")
        .args(["-o", "rss=", "-p", &pid.to_string()])
        .output();
    let kilobytes = match output {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().parse().ok(),
        // Minimal installations of Linux have no `ps`.
        Err(_) => fs::read_to_string(format!("/proc/{pid}/status"))
            .ok()
            .and_then(|status| resident_kilobytes(&status)),
    };
    let kilobytes: u64 = kilobytes.context("read how much memory the server uses")?;
    Ok(kilobytes * 1024)
}

fn resident_kilobytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn median(mut measure: impl FnMut() -> anyhow::Result<Duration>) -> anyhow::Result<Duration> {
    let mut figures = (0..REPETITIONS)
        .map(|_| measure())
        .collect::<anyhow::Result<Vec<_>>>()?;
    figures.sort();
    Ok(figures[REPETITIONS / 2])
}

/// Megabytes of 1,000,000 bytes with one decimal, in whole numbers so that nothing is lost on the way.
fn in_mb(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn megabytes_are_rounded_to_one_decimal() {
        assert_eq!(in_mb(0), "0.0");
        assert_eq!(in_mb(25_049_999), "25.0");
        assert_eq!(in_mb(25_050_000), "25.1");
    }

    #[test]
    fn the_middle_figure_counts() {
        let mut figures = [90, 10, 30, 20, 1000]
            .map(Duration::from_millis)
            .into_iter();
        let median = median(|| figures.next().context("one more")).unwrap();
        assert_eq!(median, Duration::from_millis(30));
    }

    #[test]
    fn memory_is_read_where_there_is_no_ps() {
        let status = "Name:\tserver\nVmPeak:\t   99 kB\nVmRSS:\t   18432 kB\n";
        assert_eq!(resident_kilobytes(status), Some(18_432));
    }
}
