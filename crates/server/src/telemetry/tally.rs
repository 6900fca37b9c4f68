//! What one request or one job asked of the database.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// As often as this, only a loop sends the same statement (requirement B2).
const A_LOOP: u32 = 3;

/// Opens the comment in a statement that may be sent in a loop: `-- waive repeated: an order has at most ten files`.
const WAIVED: &str = "-- waive repeated:";

/// How much of a request or a job was spent in the database.
#[derive(Debug, Default)]
pub struct Tally {
    statements: AtomicU32,
    micros: AtomicU64,
    /// How often each text was sent. Only where somebody looks: a busy process would copy every statement for nobody.
    texts: Option<Mutex<BTreeMap<String, u32>>>,
}

tokio::task_local! {
    static TALLY: Arc<Tally>;
}

impl Tally {
    /// A tally that tells statements apart.
    #[must_use]
    pub fn by_text() -> Self {
        Self {
            texts: Some(Mutex::default()),
            ..Self::default()
        }
    }

    /// Runs `work` and counts the statements that it sends.
    pub async fn count<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        TALLY.scope(self, work).await
    }

    /// How many statements were sent.
    pub fn statements(&self) -> u32 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How long they took, in milliseconds.
    pub fn millis(&self) -> f64 {
        Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64() * 1e3
    }

    /// Each statement that was sent, with how often; nothing unless this is a tally [by text](Self::by_text).
    pub fn sent(&self) -> Vec<(String, u32)> {
        let texts = self.texts.iter().flat_map(|texts| {
            let texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
            texts.clone()
        });
        texts.collect()
    }

    /// The statements that a loop has sent, with how often, without those whose text permits it.
    pub fn repeated(&self) -> Vec<(String, u32)> {
        let mut sent = self.sent();
        sent.retain(|(text, times)| *times >= A_LOOP && !text.contains(WAIVED));
        sent
    }

    fn add(&self, sent: Sent) {
        let Some(seconds) = sent.seconds else { return };
        let elapsed = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.statements.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        if let (Some(texts), Some(text)) = (&self.texts, sent.text) {
            let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
            *texts.entry(text).or_default() += 1;
        }
    }
}

/// Listens to what sqlx says about each statement, in the task that sent it.
#[must_use]
pub fn query_layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    QueryLayer.with_filter(Targets::new().with_target("sqlx::query", LevelFilter::DEBUG))
}

struct QueryLayer;

impl<S: Subscriber> Layer<S> for QueryLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Outside a request or job nobody counts.
        let tally = TALLY.try_with(Arc::clone).ok();
        let by_text = tally.as_ref().is_some_and(|tally| tally.texts.is_some());
        let mut sent = Sent {
            seconds: None,
            text: by_text.then(String::new),
        };
        event.record(&mut sent);
        if let Some(seconds) = sent.seconds {
            metrics::histogram!("db_statement_seconds").record(seconds);
        }
        if let Some(tally) = tally {
            tally.add(sent);
        }
    }
}

/// What sqlx says about a statement.
struct Sent {
    seconds: Option<f64>,
    /// Its text, if that is asked for.
    text: Option<String>,
}

impl Visit for Sent {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.seconds = Some(value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // A short statement is its own summary, and its text is left empty.
        let says_it = matches!(field.name(), "summary" | "db.statement");
        if let Some(text) = self.text.as_mut().filter(|_| says_it && !value.is_empty()) {
            value.trim().clone_into(text);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// Counts statements in every test of this process, so that a loop of them fails whichever test runs it.
#[cfg(test)]
pub(crate) fn count_in_tests() {
    use tracing_subscriber::layer::SubscriberExt as _;

    static COUNTING: std::sync::Once = std::sync::Once::new();
    COUNTING.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(query_layer());
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::telemetry::listen_with;

    /// As sqlx says it.
    fn send(text: &str) {
        let words: Vec<_> = text.split_whitespace().take(4).collect();
        let summary = words.join(" ");
        let text = if summary == text { "" } else { text };
        tracing::debug!(target: "sqlx::query", summary, db.statement = text, elapsed_secs = 0.25_f64);
    }

    async fn tally_of(tally: Tally, statements: &[&str]) -> Arc<Tally> {
        let _guard = listen_with(tracing_subscriber::registry().with(query_layer()));
        let tally = Arc::new(tally);
        let work = async {
            for statement in statements {
                send(statement);
                tokio::task::yield_now().await;
            }
        };
        Arc::clone(&tally).count(work).await;
        send("SELECT 'nobody counts'");
        tally
    }

    #[tokio::test]
    async fn statements_are_counted_in_the_task_that_sends_them() {
        let tally = tally_of(Tally::default(), &["SELECT 1", "SELECT 2"]).await;
        assert_eq!(tally.statements(), 2);
        assert!((tally.millis() - 500.0).abs() < 1e-6);
        assert!(tally.sent().is_empty());
    }

    #[tokio::test]
    async fn a_statement_that_a_loop_sends_is_told_apart() {
        const LOOPED: &str = "SELECT title FROM orders.products WHERE id = $1";
        const WAIVED: &str = "SELECT 1\n-- waive repeated: a cart has three lines";
        let sent = [LOOPED, "SELECT 1", WAIVED].repeat(3);
        let tally = tally_of(Tally::by_text(), &sent).await;
        assert_eq!(
            tally.repeated(),
            [("SELECT 1".to_owned(), 3), (LOOPED.to_owned(), 3)]
        );
        let twice = tally_of(Tally::by_text(), &sent[..6]).await;
        assert!(twice.repeated().is_empty(), "{:?}", twice.sent());
    }
}
