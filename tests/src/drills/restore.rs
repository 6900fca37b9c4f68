//! The database is lost with its disk, and comes back from object storage.
#![expect(
    clippy::disallowed_methods,
    reason = "it looks at all schemas at once, which no module's checked queries can"
)]

mod bucket;
mod cluster;

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::sleep;
use url::Url;

use self::bucket::Bucket;
use self::cluster::{Cluster, database_at, succeed};
use super::load::{a_full_shelf, mug, told};
use super::{Books, Drill, Length, Measured};
use crate::browser::Browser;
use crate::customer::{Customer, number};
use crate::{PAUSE, Setup, Shop, eventually, free_port, migrate};

pub(super) const DRILLS: [Drill; 1] = [Drill {
    name: "restore",
    fault: "`kill -9` of PostgreSQL and `rm -rf` of its data while people buy",
    expected: "RPO ≤ 5 min, RTO ≤ 60 min; at a named moment everything acknowledged by then and nothing later",
    run: |length| Box::pin(restore(length)),
}];

/// What may be lost with the machine.
const RPO: Duration = Duration::from_mins(5);

/// An order that its customer was told of.
struct Placed {
    number: String,
    asked: Instant,
    told: Instant,
}

/// A moment, as the database's clock has it, between two readings of ours.
struct Moment {
    before: Instant,
    name: String,
    after: Instant,
}

async fn restore(length: Length) -> Measured {
    let bucket = Bucket::start().await;
    let cluster = Cluster::start(&bucket).await;
    let mut shop = open(&cluster).await;
    a_full_shelf(&shop).await;
    let books = Books::open(&shop).await;
    let customers = Customer::crowd(&shop, 2).await;
    succeed("run", &cluster.script("run", &["full"], &shop).await);

    // Twice as long as a segment may wait for the archive, in the long form: nobody hurries it there.
    let busy = Duration::from_secs(length.pick(2, 120));
    let (mut placed, moment) = under_load(&shop, &customers, "before", busy).await;
    customers[0].pay(&shop, &placed[0].number).await;
    let (quiet, census) = stand_still(&shop).await;
    let file = shop.folder().join("census.json");
    fs::write(&file, census).expect("a file that can be written");
    let known = placed.len();
    rehearse(&shop, &cluster).await;

    placed.extend(under_load(&shop, &customers, "archived", busy / 2).await.0);
    if length == Length::Short {
        archive(&shop).await;
    }
    placed.extend(under_load(&shop, &customers, "lost", busy / 2).await.0);
    let archived_every = archive_timeout(&shop).await;
    assert!(archived_every < RPO, "a segment waits {archived_every:?}");
    assert_encrypted(&bucket, &customers[0].email);
    cluster.destroy().await;
    let lost_at = Instant::now();
    shop.kill_server().await;

    let file = file.to_str().expect("a path that is text");
    moment_under_load(&shop, &cluster, &moment, &placed, file).await;
    let rpo = latest(&shop, &cluster, &placed, lost_at).await;
    let since = Instant::now();
    let port = free_port();
    let arguments = ["--to", &quiet, "--against", file];
    succeed(
        "restore",
        &restored(&shop, &cluster, port, &arguments).await,
    );
    let rto = since.elapsed();

    shop.move_to(database_at(port)).await;
    Browser::sign_in(&shop, &customers[0].email).await;
    let acknowledged: Vec<_> = placed[..known].iter().map(|it| it.number.clone()).collect();
    books.check(&shop, &acknowledged).await;
    format!(
        "{} orders: at a moment under load and at one of rest each order told of before is there and none asked for after, the \
         ledger is 0, a customer signs in; restored to the latest, {rpo}; verified {:.0} s after the command",
        placed.len(),
        rto.as_secs_f64(),
    )
}

/// A shop on the cluster.
async fn open(cluster: &Cluster) -> Shop {
    let database = platform::testing::TestDatabase::elsewhere(cluster.database());
    let migrated = migrate(&database, &[], &[]).await;
    succeed("server migrate", &migrated);
    Shop::open(Setup::new("drill-restore").on(cluster.database())).await
}

/// Has everybody buy for so long; a moment in the middle. Keys of orders begin with `round`.
async fn under_load(
    shop: &Shop,
    customers: &[Customer],
    round: &str,
    busy: Duration,
) -> (Vec<Placed>, Moment) {
    let is_over = AtomicBool::new(false);
    let mug = mug(shop).await;
    let buying = join_all(customers.iter().map(async |customer| {
        let mut placed = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let key = format!("{round}-{}", placed.len());
            placed.push(buy(shop, customer, &mug, &key).await);
        }
        placed
    }));
    let timing = async {
        sleep(busy / 2).await;
        let moment = now(shop).await;
        sleep(busy / 2).await;
        is_over.store(true, Ordering::Relaxed);
        moment
    };
    let (placed, moment) = tokio::join!(buying, timing);
    (placed.into_iter().flatten().collect(), moment)
}

/// Orders two mugs, and asks again as long as it is told "not now".
async fn buy(shop: &Shop, customer: &Customer, mug: &str, key: &str) -> Placed {
    let asked = Instant::now();
    let line = json!({ "product_id": mug, "quantity": 2 });
    let (status, cart) = told(shop, customer, "/cart/lines", &line, &format!("cart-{key}")).await;
    assert_eq!(status, 200, "{cart}");
    let order = customer.order(&cart);
    let (status, order) = told(shop, customer, "/orders", &order, &format!("order-{key}")).await;
    assert_eq!(status, 201, "{order}");
    Placed {
        number: number(&order),
        asked,
        told: Instant::now(),
    }
}

async fn now(shop: &Shop) -> Moment {
    let before = Instant::now();
    let name = ask(shop, "SELECT clock_timestamp()::text").await;
    Moment {
        before,
        name,
        after: Instant::now(),
    }
}

/// Waits until nothing changes any more: a moment, and what every table held then.
async fn stand_still(shop: &Shop) -> (String, Vec<u8>) {
    eventually("a shop in which nothing changes", async || {
        let before = census(shop).await;
        sleep(PAUSE).await;
        let moment = now(shop).await;
        sleep(PAUSE).await;
        let after = census(shop).await;
        let is_settled = Books::is_settled(shop).await && before == after;
        is_settled.then_some((moment.name, after))
    })
    .await
}

async fn census(shop: &Shop) -> Vec<u8> {
    let output = shop.ask_server(&["backup", "census"]).await;
    succeed("server backup census", &output);
    output.stdout
}

/// What is done every week: the restore is verified, put on record and thrown away.
async fn rehearse(shop: &Shop, cluster: &Cluster) {
    let folders = cluster.folders();
    let rehearsed = restored(shop, cluster, free_port(), &["--rehearse"]).await;
    succeed("restore --rehearse", &rehearsed);
    assert_eq!(
        cluster.folders(),
        folders,
        "the rehearsal left something behind"
    );
    for gauge in [
        "backup_last_timestamp_seconds",
        "backup_last_verified_restore_timestamp_seconds",
    ] {
        assert!(shop.metric(gauge, &[]).await > 0.0, "{gauge} is not there");
    }
}

async fn restored(
    shop: &Shop,
    cluster: &Cluster,
    port: u16,
    arguments: &[&str],
) -> std::process::Output {
    let port = port.to_string();
    let into = cluster.path(&format!("restored-{port}"));
    let common = ["--port", &port, "--into", &into];
    cluster
        .script("restore", &[&common[..], arguments].concat(), shop)
        .await
}

/// Has the archive take what was written so far, and waits until it has.
async fn archive(shop: &Shop) {
    let segment = ask(shop, "SELECT pg_walfile_name(pg_switch_wal())").await;
    eventually("a segment in the archive", async || {
        let archived = ask(shop, "SELECT last_archived_wal FROM pg_stat_archiver").await;
        (archived >= segment).then_some(())
    })
    .await;
}

async fn archive_timeout(shop: &Shop) -> Duration {
    let seconds = ask(
        shop,
        "SELECT setting FROM pg_settings WHERE name = 'archive_timeout'",
    )
    .await;
    Duration::from_secs(seconds.parse().expect("seconds"))
}

/// Nobody reads addresses in what lies with somebody else.
fn assert_encrypted(bucket: &Bucket, email: &str) {
    let contents = bucket.contents();
    assert!(contents.len() > 100_000, "nothing was stored");
    let found = contents
        .windows(email.len())
        .any(|bytes| bytes == email.as_bytes());
    assert!(!found, "{email} can be read in the bucket");
    assert!(
        !contents.windows(5).any(|bytes| bytes == b"[db]\n"),
        "pgBackRest's own files can be read"
    );
}

/// Restores to a moment under load. It is not the moment of the census, and the verification must say so.
async fn moment_under_load(
    shop: &Shop,
    cluster: &Cluster,
    moment: &Moment,
    placed: &[Placed],
    census: &str,
) {
    let port = free_port();
    let arguments = ["--to", &moment.name, "--against", census];
    let refused = restored(shop, cluster, port, &arguments).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("orders.orders has"),
        "another moment was taken for that of the census: {said}"
    );
    let present = orders(&database_at(port)).await;
    for order in placed {
        let is_there = present.contains(&order.number);
        assert!(
            is_there || order.told > moment.before,
            "order {} is lost",
            order.number
        );
        assert!(
            !is_there || order.asked < moment.after,
            "order {} was placed after the moment",
            order.number
        );
    }
}

/// Restores what there is; how much is lost.
async fn latest(shop: &Shop, cluster: &Cluster, placed: &[Placed], lost_at: Instant) -> String {
    let port = free_port();
    succeed("restore", &restored(shop, cluster, port, &[]).await);
    let present = orders(&database_at(port)).await;
    let lost = placed
        .iter()
        .filter(|order| !present.contains(&order.number));
    let lost: Vec<_> = lost.map(|order| order.told).collect();
    let span = lost
        .iter()
        .min()
        .map_or(Duration::ZERO, |first| lost_at - *first);
    assert!(span < RPO, "{span:?} are lost");
    format!(
        "{} orders of the last {:.0} s are lost",
        lost.len(),
        span.as_secs_f64()
    )
}

async fn orders(database: &Url) -> BTreeSet<String> {
    let mut connection = PgConnection::connect(database.as_str())
        .await
        .expect("a database that was restored");
    let numbers: Vec<String> = sqlx::query_scalar("SELECT number::text FROM orders.orders")
        .fetch_all(&mut connection)
        .await
        .expect("a list of orders");
    numbers.into_iter().collect()
}

async fn ask(shop: &Shop, question: &'static str) -> String {
    let mut connection = shop.connect().await;
    let answer: Option<String> = sqlx::query_scalar(AssertSqlSafe(question))
        .fetch_one(&mut connection)
        .await
        .expect("an answer");
    answer.unwrap_or_default()
}
