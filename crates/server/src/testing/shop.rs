use bytes::Bytes;
use http::{Request, header};
use kernel::Clock;
use platform::outbound::Policy;
use platform::testing::TestPlatform;
use sandbox::Running;
use url::Url;

use crate::app::App;
use crate::config::Settings;
use crate::worker;

/// The shop in this process, with the sandbox as its payment provider.
pub(crate) struct TestShop {
    pub(crate) platform: TestPlatform,
    pub(crate) app: App,
    /// Where the provider is.
    pub(crate) provider: Url,
    sandbox: Option<Running>,
}

impl TestShop {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// A shop that calls endpoints on this machine.
    pub(crate) async fn open_beside_private_endpoints() -> Self {
        Self::open_with(|settings| settings.webhooks = webhooks::testing::settings()).await
    }

    async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let subscriptions = worker::registry().subscriptions();
        let platform = TestPlatform::start_with(&crate::migrations::all(), subscriptions).await;
        // The sandbox lives by the machine's clock, and an expiry in its past is refused.
        let ahead = Clock::system().now() - platform.clock.now();
        platform.clock.advance(ahead);
        let sandbox = sandbox::start(sandbox::Settings::default()).await.unwrap();
        let provider: Url = sandbox.public_url.parse().unwrap();
        let mut settings = Settings::for_tests();
        settings.billing = billing::testing::settings(provider.clone(), "sk_test_sandbox");
        change(&mut settings);
        Self {
            app: App::build(&settings, (*platform).clone()).unwrap(),
            platform,
            provider,
            sandbox: Some(sandbox),
        }
    }

    /// Runs every job that is due. None may fail.
    pub(crate) async fn run_jobs(&self) {
        let reports = worker::runner(&self.app).run_due().await.unwrap();
        let failed: Vec<_> = reports.iter().filter(|it| it.error.is_some()).collect();
        assert!(failed.is_empty(), "{failed:?}");
    }

    /// Presses a button of the provider's page.
    pub(crate) async fn press(&self, page: &str, button: &str) {
        let policy = Policy::for_partner(&self.provider);
        let browser = self.platform.outbound.dependency("browser", policy);
        let request = Request::post(page)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(format!("outcome={button}")))
            .unwrap();
        browser.unwrap().send(request).await.unwrap();
    }

    /// Ends the provider: from now on nobody answers there.
    pub(crate) async fn stop_provider(&mut self) {
        self.sandbox.take().unwrap().stop().await;
    }
}
