//! The workflow of releases, `.github/workflows/release.yml`: its commands as they are written, on a machine, with a registry and
//! for a host that are the drill's own.
//!
//! It needs an engine and root, which not everybody has: it runs when it is named, and never with the others.

mod registry;
mod runner;

use std::time::Instant;

use self::registry::Registry;
use self::runner::Runner;
use super::compose::Host;
use super::engine::{self, Image, TAG};
use super::{Drill, Length, Measured};
use crate::workflows::{self, Workflow};

pub(super) const DRILLS: [Drill; 1] = [Drill {
    name: "workflow",
    fault: "the commands of the workflow of releases, with a registry that wants a password and a host that is reached by SSH, while people read",
    expected: "the image is pushed, and released by its digest to each environment; a host that is another one gets nothing; failed requests 0",
    run: |length| Box::pin(workflow(length)),
}];

/// People who look at pages, each over one connection.
const READERS: usize = 4;

const VERSION: &str = "v1.2.3";

async fn workflow(_length: Length) -> Measured {
    engine::require().await;
    let _image = Image::build().await;
    let workflow = &workflows::all()["release.yml"];
    let host = Host::open().await;
    host.tell_release("true");
    host.must_release(&["--name", "first", TAG]).await;
    let registry = Registry::start().await;
    let mut runner = Runner::start(&host, &registry, VERSION).await;

    let done = release(&host, &mut runner, workflow);
    let (read, told) = host.under_readers(READERS, done).await;
    read.lost_nothing(100);
    // Its image can go once nobody runs it.
    drop(host);
    drop(runner);
    format!("{told}; of {} requests 0 failed", read.asked)
}

/// What the host of workflows does, one job after the other.
async fn release(host: &Host, runner: &mut Runner, workflow: &Workflow) -> String {
    let since = Instant::now();
    let image = runner.run(workflow, "image").await;
    image.expect("an image that is pushed");
    let pushed = since.elapsed();
    runner.sees_a_bill_of_materials();

    runner.tell_of_another_host();
    let refused = runner.run(workflow, "staging").await;
    let refusal = refused.expect_err("a host that is not the one that was named");
    assert!(
        refusal.contains("Host key verification failed"),
        "{refusal}"
    );
    host.serves("green serves first;").await;

    runner.tell_of_the_host();
    let since = Instant::now();
    let staging = runner.run(workflow, "staging").await;
    staging.expect("a release to the first environment");
    let released = since.elapsed();
    host.serves(&format!("blue serves {VERSION};")).await;
    // The same release once more: here both environments are one host.
    let production = runner.run(workflow, "production").await;
    production.expect("a release to the second environment");
    host.serves(&format!("green serves {VERSION};")).await;
    runner.serves_what_was_pushed(host).await;
    format!(
        "built from the drill's layers and pushed in {:.0} s, released in {:.0} s, by its digest",
        pushed.as_secs_f64(),
        released.as_secs_f64()
    )
}
