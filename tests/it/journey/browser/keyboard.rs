//! Whoever has no mouse reaches everything, and sees where they are.

use serde_json::json;
use tests::Shop;
use tests::customer::{Customer, MUG};
use thirtyfour::Key;

use super::window::{Chromedriver, Window};
use super::{EMAIL, sign_in};

/// Everything that can be operated, in the order of the page, and how it looks while the focus is elsewhere. A link may
/// show the focus on the card around it.
const REMEMBER: &str = r#"
    const style = (element) => {
        const around = [];
        for (let it = element; it; it = it.parentElement) {
            const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(it);
            // Without a style or a width its other properties change nothing that anybody could see.
            const isSeen = outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
            around.push(isSeen ? [outlineStyle, outlineWidth, outlineColor] : "", boxShadow);
        }
        return around.join();
    };
    const stops = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']");
    window.walk = { style, stops, before: Array.from(stops, style) };
    return stops.length;
"#;

/// What is wrong with where the focus is now, if anything is.
const COMPARE: &str = "
    const { style, stops, before } = window.walk;
    const [number] = arguments;
    const wanted = stops[number];
    const reached = document.activeElement;
    if (reached !== wanted) return `not at ${wanted.outerHTML} but at ${reached.outerHTML.slice(0, 200)}`;
    const { top, bottom } = wanted.getBoundingClientRect();
    if (bottom <= 0 || top >= innerHeight) return `out of sight: ${wanted.outerHTML}`;
    return style(wanted) === before[number] ? `it does not show: ${wanted.outerHTML}` : null;
";

/// What must be found, before it counts that nothing is.
const FAULTY_PAGES: [(&str, &str); 3] = [
    (
        "data:text/html,<style>:focus-visible { outline: 0 none }</style><button>Go</button>",
        "it does not show",
    ),
    (
        "data:text/html,<button>Go</button><button tabindex=1>Stop</button>",
        "not at",
    ),
    (
        "data:text/html,<button style='position: fixed; top: -99px'>Go</button>",
        "out of sight",
    ),
];

#[tokio::test]
async fn tab_leads_through_everything_that_can_be_operated_and_one_sees_where_it_is() {
    let shop = Shop::start_without_worker("keyboard").await;
    let customer = Customer::sign_up(&shop, EMAIL).await;
    let order = customer.order_two_mugs(&shop).await;
    customer.fill_cart(&shop).await;
    let chromedriver = Chromedriver::start().await;
    let window = chromedriver.open(&shop, "keyboard").await;

    for (page, fault) in FAULTY_PAGES {
        window.go_to(page).await;
        let (_, found) = first_fault(&window).await;
        let found = found.unwrap_or_default();
        assert!(found.starts_with(fault), "{found} on {page}");
    }
    window.go("/").await;
    leave_out_the_masthead(&window).await;
    walk(&window, "/sign-up").await;
    sign_in(&window).await;
    let (mug, order) = (format!("/products/{MUG}"), format!("/orders/{order}"));
    for path in [
        "/",
        "/products?q=mug",
        &mug,
        "/cart",
        "/checkout",
        &order,
        "/account/sessions",
    ] {
        walk(&window, path).await;
    }
    window.close().await;
}

/// The first thing that Tab leads to shows itself, and skips everything that is the same on all pages.
async fn leave_out_the_masthead(window: &Window) {
    window.press(Key::Tab).await;
    let skip_link = "const link = document.activeElement; \
        return link.matches('.skip-link') && link.getBoundingClientRect().top >= 0";
    assert!(window.run::<bool>(skip_link, &[]).await, "the first stop");
    window.press(Key::Enter).await;
    window.press(Key::Tab).await;
    let in_main = "return document.querySelector('main').contains(document.activeElement)";
    assert!(
        window.run::<bool>(in_main, &[]).await,
        "the stop after the skip link"
    );
}

async fn walk(window: &Window, path: &str) {
    window.go(path).await;
    let (stops, fault) = first_fault(window).await;
    assert!(stops > 10, "{path} has {stops} stops");
    assert_eq!(fault, None, "{path}");
}

/// How many stops the page has, and the first that Tab does not lead to as it should.
async fn first_fault(window: &Window) -> (usize, Option<String>) {
    let stops: usize = window.run(REMEMBER, &[]).await;
    for stop in 0..stops {
        window.press(Key::Tab).await;
        let fault: Option<String> = window.run(COMPARE, &[json!(stop)]).await;
        if fault.is_some() {
            return (stops, fault);
        }
    }
    (stops, None)
}
