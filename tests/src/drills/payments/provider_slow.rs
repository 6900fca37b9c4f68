//! The payment provider takes its time.

use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use tokio::time::sleep;

use super::AT_ONCE;
use crate::customer::Customer;
use crate::drills::load::a_full_shelf;
use crate::drills::{Books, Length, Measured};
use crate::{Manner, PAUSE, Partner, Setup, Shop};

/// How much longer others may wait than they do anyway (requirement J, "dependency slow").
const MORE: f64 = 1.1;

/// How long the customers have before anybody looks around. What their asking costs the machine, it costs in any case; what
/// is to be seen is what their waiting costs.
const HEAD_START: Duration = Duration::from_secs(1);

/// How long people look around in one window.
const WINDOW: Duration = Duration::from_millis(1_500);

/// How long the provider takes: until after the window.
const SLOW: Manner = Manner::Slow(3_000);

pub(super) async fn provider_slow(length: Length) -> Measured {
    // Fewer connections than customers: a connection that was held during a call would have everybody wait.
    let setup = Setup::new("drill-provider-slow").with("DATABASE_POOL_SIZE", "4");
    let shop = Shop::open(setup).await;
    let customers = Customer::crowd(&shop, AT_ONCE).await;
    a_full_shelf(&shop).await;
    let books = Books::open(&shop).await;
    let (mut orders, mut pages) = (Vec::new(), Vec::new());
    let (mut rounds, mut held) = (Vec::new(), 0.0_f64);
    for _ in 0..length.pick(5, 15) {
        let mut windows = Vec::new();
        for manner in [Manner::Normal, SLOW, Manner::Normal] {
            let window = window(&shop, &customers, manner).await;
            held = held.max(window.held);
            windows.push(window.p99);
            orders.extend(window.orders);
            pages.extend(window.pages);
        }
        rounds.push([windows[0], windows[1], windows[2]]);
    }
    shop.behave(Partner::Payments, Manner::Normal).await;
    let (ratio, noise) = (ratio(&rounds), noise(&rounds));
    assert!(
        ratio <= MORE * noise,
        "others waited {ratio:.2} times as long, and without the fault windows differ by {noise:.2}: {rounds:?}"
    );
    // One for whoever reads the catalogue or for a job, and none for those who wait for the provider.
    assert!(held <= 1.0, "{held} connections were held all the time");
    assert!(pages.iter().all(|status| *status == 201), "{pages:?}");
    books.check(&shop, &orders).await;
    format!(
        "p99 of other routes {ratio:.2} times as long (median of {} rounds; two windows without the fault differ by up to \
         {noise:.2}); {AT_ONCE} customers waited for their page and held no connection",
        rounds.len(),
    )
}

/// What was seen while customers opened their pages and others looked around.
struct Window {
    p99: Duration,
    /// How many connections with the database were held at every moment.
    held: f64,
    /// With what status each customer was given a page to pay on.
    pages: Vec<u16>,
    orders: Vec<String>,
}

async fn window(shop: &Shop, customers: &[Customer], manner: Manner) -> Window {
    let ordering = customers
        .iter()
        .map(|customer| customer.order_two_mugs(shop));
    let orders = join_all(ordering).await;
    shop.behave(Partner::Payments, manner).await;
    let paying = customers.iter().zip(&orders);
    let paying = paying.map(|(customer, order)| customer.ask_to_pay(shop, order));
    let looking = async {
        sleep(HEAD_START).await;
        join(other_routes(shop), held(shop)).await
    };
    let (pages, (p99, held)) = join(join_all(paying), looking).await;
    let pages = pages.iter().map(|page| page.status().as_u16());
    Window {
        p99,
        held,
        pages: pages.collect(),
        orders,
    }
}

/// Reads the catalogue, one request after the other. Being refused is no answer: it lasts until there is one.
async fn other_routes(shop: &Shop) -> Duration {
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < WINDOW {
        let since = Instant::now();
        while !is_served(shop).await {}
        times.push(since.elapsed());
    }
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1]
}

async fn is_served(shop: &Shop) -> bool {
    let answer = shop.client().get(shop.url("/api/v1/products")).send().await;
    answer.expect("an answer").status().is_success()
}

/// The fewest connections with the database that were held at one time.
async fn held(shop: &Shop) -> f64 {
    let begun = Instant::now();
    let mut fewest = f64::INFINITY;
    while begun.elapsed() < WINDOW {
        let open = shop.metric("db_pool_connections", &[]).await;
        fewest = fewest.min(open - shop.metric("db_pool_idle", &[]).await);
        sleep(PAUSE).await;
    }
    fewest
}

/// How many times as long as in the windows before and after it something takes in the middle window: the median of the
/// rounds. What slows down a shared machine comes and goes, and rarely does so with the middle windows of half the rounds.
fn ratio(rounds: &[[Duration; 3]]) -> f64 {
    let ratios = rounds.iter().map(|[before, during, after]| {
        during.as_secs_f64() / f64::midpoint(before.as_secs_f64(), after.as_secs_f64())
    });
    let mut ratios: Vec<_> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// How many times as long as in the other one of two windows without the fault it ever took: nobody can tell a smaller
/// difference from what else goes on at the machine.
fn noise(rounds: &[[Duration; 3]]) -> f64 {
    let ratios = rounds.iter().map(|[before, _, after]| {
        let ratio = before.as_secs_f64() / after.as_secs_f64();
        ratio.max(ratio.recip())
    });
    ratios.fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(millis: &[[u64; 3]]) -> Vec<[Duration; 3]> {
        let rounds = millis.iter().map(|round| round.map(Duration::from_millis));
        rounds.collect()
    }

    #[test]
    fn a_machine_that_is_busy_at_times_is_no_fault_and_waiting_in_most_rounds_is() {
        let busy = rounds(&[[10, 10, 10], [10, 90, 14], [12, 10, 10]]);
        assert!(ratio(&busy) <= MORE * noise(&busy));
        let harmed = rounds(&[[10, 90, 10], [10, 10, 14], [12, 90, 10]]);
        assert!(ratio(&harmed) > MORE * noise(&harmed));
    }
}
