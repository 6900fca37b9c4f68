//! A host of containers: `deploy/compose.yaml`, `deploy/secrets` and `deploy/release` as `deploy/README.md` has them called.
//!
//! It needs an engine and root, which not everybody has: it runs when it is named, and never with the others.

mod host;

use std::time::{Duration, Instant};

pub(super) use self::host::Host;
use super::engine::{self, Image, TAG};
use super::{Drill, Length, Measured};

pub(super) const DRILLS: [Drill; 1] = [Drill {
    name: "compose",
    fault: "releases, rollbacks and a release that cannot start, in the containers of `deploy/compose.yaml`, while people read over TLS",
    expected: "every container healthy, failed requests 0; the old release serves where the new one cannot start; a backup is made and restored",
    run: |length| Box::pin(compose(length)),
}];

/// People who look at pages, each over one connection.
const READERS: usize = 4;

/// Caddy, PostgreSQL, PgBouncer and Redis; and one colour with its worker.
const SERVICES: usize = 4;
const ALL: usize = SERVICES + 2;

async fn compose(length: Length) -> Measured {
    engine::require().await;
    let _image = Image::build().await;
    let since = Instant::now();
    let host = Host::open().await;
    host.is_healthy(SERVICES).await;
    let up = since.elapsed();
    // Before the first release there is nothing to back up, and no image of what does it.
    host.tell_release("true");
    let first = host.must_release(&["--name", "first", TAG]).await;
    host.serves("green serves first;").await;
    host.is_healthy(ALL).await;
    host.compose(&["build", "backup"]).await;
    host.tell_release(&host.backup_command());

    let done = turns(&host, length);
    let (read, told) = host.under_readers(READERS, done).await;
    read.lost_nothing(500);
    format!(
        "{SERVICES} services healthy after {:.0} s, first release {:.0} s; {told}; of {} requests 0 failed",
        up.as_secs_f64(),
        first.as_secs_f64(),
        read.asked
    )
}

/// What operators do, one after the other.
async fn turns(host: &Host, length: Length) -> String {
    let second = host.must_release(&["--name", "second", TAG]).await;
    host.serves("blue serves second;").await;
    let rollbacks = length.pick(1, 5);
    let mut slowest = Duration::ZERO;
    for turn in 0..rollbacks {
        slowest = slowest.max(host.must_release(&["rollback"]).await);
        let now = ["green serves first;", "blue serves second;"][turn % 2];
        host.serves(now).await;
    }
    host.is_healthy(ALL).await;
    let broken = host.broken_image().await;
    let refused = host.release(&["--name", "broken", broken]).await;
    let refusal = refused.expect_err("a release that cannot start");
    assert!(
        refusal.contains("the app of broken did not get ready in 15 s")
            && refusal.contains("Step 'ready' failed: first on green serves as before."),
        "{refusal}"
    );
    host.serves("green serves first;").await;
    host.is_healthy(ALL).await;
    let rehearse = ["/opt/app/deploy/backup/restore", "--rehearse"];
    let rehearsal = host.back_up(&rehearse).await;
    assert!(rehearsal.contains("The database is whole"), "{rehearsal}");
    format!(
        "second release with a backup {:.0} s, {rollbacks} rollbacks {:.0} s at most; one that could not start was told so and left \
         the old one serving; the backup was restored and is whole; {ALL} containers healthy each time",
        second.as_secs_f64(),
        slowest.as_secs_f64()
    )
}
