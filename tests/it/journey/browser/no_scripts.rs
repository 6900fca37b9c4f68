//! Pages need no scripts: what those add is comfort.

use tests::Shop;

use super::window::{Chromedriver, Window};
use super::{
    check_out, pay, put_mugs_into_cart, read_invoice, sign_in, sign_up, straight_uploads,
    upload_avatar,
};

/// A page that says whether its scripts run.
const PROBE: &str = "data:text/html,<title>off</title><script>document.title='on'</script>";

#[tokio::test]
async fn whoever_forbids_scripts_signs_up_buys_pays_and_shows_a_picture() {
    let shop = Shop::start("no-scripts").await;
    let chromedriver = Chromedriver::start().await;
    let usual = chromedriver.open(&shop, "scripts").await;
    assert_eq!(scripts(&usual).await, "on");
    usual.close().await;
    let window = chromedriver.open_without_scripts(&shop, "no-scripts").await;
    assert_eq!(scripts(&window).await, "off");

    sign_up(&shop, &window).await;
    sign_in(&window).await;
    put_mugs_into_cart(&window).await;
    check_out(&window).await;
    pay(&window).await;
    read_invoice(&shop).await;
    upload_avatar(&window).await;
    let straight = straight_uploads(&shop).await;
    assert!(
        straight < 1.0,
        "a script has run: the picture went straight to storage"
    );
    window.close().await;
}

async fn scripts(window: &Window) -> String {
    window.go_to(PROBE).await;
    window.title().await
}
