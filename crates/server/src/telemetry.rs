//! What the process tells about itself: log lines, metrics, error reports.
//!
//! Nothing here or in a log line names an e-mail address, a cookie, a body or a query string: what is not written down
//! cannot leak.

use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use sentry::integrations::panic::PanicIntegration;
use sentry::transports::ReqwestHttpTransportOptions;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

mod tally;

#[cfg(test)]
pub(crate) use tally::count_in_tests;
pub use tally::{Tally, query_layer};

/// Panics are reported by [`report_panic`], with their stack: the log line about one must not be reported again.
pub(crate) const PANIC: &str = "panic";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON document a line, for machines.
    Json,
    /// For people who develop.
    Text,
}

/// What telemetry is told.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// How log lines look.
    pub format: LogFormat,
    /// Where errors are reported to; nowhere if `None`.
    pub sentry_dsn: Option<String>,
    /// The release that is running.
    pub release: String,
    /// `development` or `production`.
    pub environment: String,
}

/// Keeps error reporting alive. When it is dropped, what is still waiting is sent.
#[must_use = "error reports stop when this is dropped"]
pub struct Telemetry {
    _sentry: sentry::ClientInitGuard,
}

/// Starts logging, error reporting and metrics. Once a process, before anything else.
///
/// # Errors
/// If another subscriber or recorder is already installed.
pub fn init(settings: &TelemetrySettings) -> anyhow::Result<Telemetry> {
    log_panics();
    let telemetry = Telemetry {
        _sentry: sentry::init(sentry_options(settings)),
    };
    let filter = EnvFilter::new("info,sqlx::query=warn,hyper=warn,tower=warn");
    let lines = match settings.format {
        LogFormat::Json => json_lines(std::io::stderr).boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .compact()
            .with_target(false)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(query_layer())
        .with(sentry_layers())
        .try_init()?;
    metrics();
    Ok(telemetry)
}

/// One JSON document a line, with the fields of the event at the top and those of its span below `span`.
pub(crate) fn json_lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .json()
        .flatten_event(true)
        .with_span_list(false)
}

pub(crate) fn sentry_options(settings: &TelemetrySettings) -> sentry::ClientOptions {
    use sentry::integrations::backtrace::{
        AttachStacktraceIntegration, ProcessStacktraceIntegration,
    };
    use sentry::integrations::contexts::ContextIntegration;
    let options = sentry::ClientOptions::new()
        // All of the default ones but the hook for panics: see `report_panic`.
        .default_integrations(false)
        .add_integration(AttachStacktraceIntegration)
        .add_integration(ContextIntegration::default())
        .add_integration(ProcessStacktraceIntegration)
        .transport(Reports)
        .release(settings.release.clone())
        .environment(settings.environment.clone())
        .send_default_pii(false)
        .in_app_include([
            "server", "users", "orders", "billing", "webhooks", "platform", "kernel",
        ])
        .shutdown_timeout(Duration::from_secs(2));
    match &settings.sentry_dsn {
        Some(dsn) => options.dsn(dsn),
        None => options,
    }
}

/// Sends reports, each within [`REPORT_WITHIN`]. Sentry's own client waits for ever, and with it, when the process ends, the
/// process.
struct Reports;

impl sentry::TransportFactory for Reports {
    fn create_transport_with_options(
        &self,
        options: sentry::TransportOptions,
    ) -> Arc<dyn sentry::Transport> {
        let mut reports = ReqwestHttpTransportOptions::from(options);
        match platform::outbound::client_within(REPORT_WITHIN) {
            Ok(client) => reports = reports.with_client(client),
            Err(error) => {
                tracing::warn!(error = %format!("{error:#}"), "error reports are sent without a deadline");
            }
        }
        Arc::new(reports.build())
    }
}

/// How long sending one report to the error tracker may take.
const REPORT_WITHIN: Duration = Duration::from_secs(2);

/// Reports errors, with what was logged before each as its breadcrumbs.
#[must_use]
pub fn sentry_layers<S>() -> Vec<Box<dyn Layer<S> + Send + Sync>>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    use sentry::integrations::tracing::{BreadcrumbLayer, ErrorLayer};
    let breadcrumbs = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("sqlx", LevelFilter::WARN);
    let errors = Targets::new()
        .with_default(LevelFilter::ERROR)
        .with_target(PANIC, LevelFilter::OFF);
    vec![
        BreadcrumbLayer::new().with_filter(breadcrumbs).boxed(),
        ErrorLayer::new().with_filter(errors).boxed(),
    ]
}

/// Panics become log lines like everything else, instead of text between JSON documents.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(target: PANIC, place, message = panic.payload_as_str(), "panicked");
        report_panic(panic);
    }));
}

/// Reports a panic as Sentry's own hook does, which would then hold the thread until the report is sent or two seconds have
/// passed: while the error tracker is away, a panic in one request would stop those beside it.
pub(crate) fn report_panic(panic: &PanicHookInfo<'_>) {
    sentry::capture_event(PanicIntegration::new().event_from_panic_info(panic));
}

/// The process's metrics; installs the recorder when first called.
///
/// # Panics
/// Never: the list of buckets is not empty.
pub fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 1.0, 2.5, 5.0, 10.0];
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)
            .expect("the list of buckets is not empty")
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics is installed: /metrics stays empty");
        }
        handle
    })
}

/// Has the events of this thread, and so of a test's whole runtime, go to `subscriber` until the guard is dropped.
///
/// As long as there is one dispatcher alone, tracing keeps for all threads what the thread that comes by first thinks of an
/// event, and the threads of most other tests listen to nothing. So a second one lives as long as the process.
#[cfg(test)]
pub(crate) fn listen_with(
    subscriber: impl Into<tracing::Dispatch>,
) -> tracing::subscriber::DefaultGuard {
    static ANOTHER: OnceLock<tracing::Dispatch> = OnceLock::new();
    ANOTHER.get_or_init(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    subscriber.set_default()
}
