//! The plain path of `deploy/README.md`, on an empty Debian 12 with systemd: what the manual says is what is run.
//!
//! It needs root, and a Debian that a machine can be made from: it runs when it is named, and never with the others.

mod machine;
mod manual;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client};

use self::machine::Machine;
use super::readers::{self, Read, look, read_until};
use super::{Drill, Measured};
use crate::{client_builder, eventually};

pub(super) const DRILLS: [Drill; 1] = [Drill {
    name: "host",
    fault: "an empty Debian 12 is given nothing but the commands of `deploy/README.md`; then releases, one of which does not start, and a restart of the machine",
    expected: "a shop behind TLS; 0 requests lost; what served before the restart serves after it; a backup that was restored",
    run: |_| Box::pin(host()),
}];

/// People who look at pages during the releases, each over one connection.
const READERS: usize = 4;

const PAGE: &str = "https://localhost/products";

/// A release that migrates, and whose server ends at once.
const ENDS: &str = "#!/bin/sh\n[ \"$1\" != serve ] || exit 1\nexec /srv/server \"$@\"\n";

/// The colours and workers that run, a line each.
const RUNNING: &str = "systemctl list-units --state=active --plain --no-legend 'app@*' 'worker@*' | awk '{ print $1 }'";

async fn host() -> Measured {
    machine::require();
    let mut machine = Machine::boot().await;
    let since = Instant::now();
    machine.run(&manual::until_the_first_page()).await;
    let first = since.elapsed();
    machine.run(&manual::backup_and_rehearsal()).await;
    let (read, released) = releases(&machine).await;
    read.lost_nothing(100);

    let running = machine.run(RUNNING).await;
    assert_eq!(running.lines().count(), 2, "{running}");
    let since = Instant::now();
    machine.restart().await;
    serves(&machine).await;
    let back = since.elapsed();
    eventually("the units that ran before", async || {
        (machine.run(RUNNING).await == running).then_some(())
    })
    .await;
    let failed = machine
        .run("systemctl list-units --failed --no-legend --plain")
        .await;
    assert_eq!(failed, "", "units that failed");
    let exposure = machine
        .run("systemd-analyze security --no-pager app@green.service | tail -n 1 | grep -o '[0-9][0-9.]*'")
        .await;
    format!(
        "{:.0} s from the first command to the first page, with a binary at hand; a release and a \
         rollback took {:.0} s; of {} requests 0 lost, over a release that ended at once as well; after a restart \
         the same served after {:.0} s; backup and rehearsal of a restore done; exposure of `app@green` {}",
        first.as_secs_f64(),
        released.as_secs_f64(),
        read.asked,
        back.as_secs_f64(),
        exposure.trim(),
    )
}

/// A release, a rollback, and a release that does not start, under readers: what they saw, and how long the first two took.
async fn releases(machine: &Machine) -> (Read, Duration) {
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (client, is_over) = (connection(machine), is_over.clone());
            machine.beside(async move || {
                let pause = Duration::from_millis(20);
                read_until(&client, PAGE, pause, &is_over).await
            })
        })
        .collect();
    let since = Instant::now();
    machine
        .run("cd /opt/app && sudo deploy/release --name v1.1.0 /srv/server")
        .await;
    machine
        .run("cd /opt/app && sudo deploy/release rollback")
        .await;
    let took = since.elapsed();
    machine.put("srv/ends", ENDS, 0o755);
    let refused = machine
        .try_run("cd /opt/app && sudo deploy/release --name ends /srv/ends")
        .await;
    let told = refused.expect_err("a release that cannot start");
    for part in [
        "the app of ends has ended",
        "v1.0.0 on green serves as before",
    ] {
        assert!(told.contains(part), "{told}");
    }
    is_over.store(true, Ordering::Relaxed);
    let read = tokio::task::spawn_blocking(|| {
        let read = readers.into_iter().map(JoinHandle::join);
        Read::together(read.map(|read| read.expect("a reader")))
    });
    (read.await.expect("readers that end"), took)
}

fn connection(machine: &Machine) -> Client {
    let root = machine.read("var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt");
    let root = Certificate::from_pem(root.as_bytes()).expect("Caddy's own certificate");
    readers::connection(client_builder().add_root_certificate(root))
}

async fn serves(machine: &Machine) {
    let client = connection(machine);
    let asking = machine.beside(async move || {
        eventually("a page", async || look(&client, PAGE).await.ok()).await;
    });
    let asked = tokio::task::spawn_blocking(|| asking.join()).await;
    asked.expect("a thread").expect("a page");
}
