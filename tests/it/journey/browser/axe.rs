//! What is wrong with a page for somebody who cannot see it, sees little, or holds it in one hand: found by axe-core
//! (<https://github.com/dequelabs/axe-core>), in light and dark, at a desk and on a phone.

use serde_json::json;

use super::window::Window;

/// WCAG 2.2 at the levels A and AA, and what axe advises beyond it.
const RULES: [&str; 6] = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
];

/// Light comes last, and so does the desk: the window goes on as it was.
const COLOURS: [&str; 2] = ["dark", "light"];

/// Of a small phone and of a desk's screen, in CSS pixels.
const WIDTHS: [u32; 2] = [360, 1280];

/// Looks with axe, and for two things that axe does not look for.
const LOOK: &str = r#"
    const [rules, width] = arguments;
    const faults = [];
    const needed = document.documentElement.scrollWidth;
    if (needed > width) faults.push(`it is ${needed} wide`);
    const purposes = new Map();
    for (const button of document.querySelectorAll("button")) {
        const name = button.textContent.replace(/\s+/g, " ").trim();
        const purpose = `${button.form?.action} ${button.value}`;
        if ((purposes.get(name) ?? purpose) !== purpose) faults.push(`two buttons are called “${name}”`);
        purposes.set(name, purpose);
    }
    return axe.run(document, { runOnly: rules, resultTypes: ["violations"] }).then(({ violations }) => {
        for (const { id, help, nodes } of violations) {
            const places = nodes.map(({ html, failureSummary }) => `\n    ${html}\n    ${failureSummary}`);
            faults.push(`${id}: ${help}${places.join("")}`);
        }
        return faults;
    });
"#;

/// Looks at pages, and remembers what is wrong with them.
pub(super) struct Examiner {
    axe: String,
    faults: Vec<String>,
}

impl Examiner {
    pub(super) fn new() -> Self {
        Self {
            axe: tests::axe(),
            faults: Vec::new(),
        }
    }

    /// Looks at the page that the window shows, whichever way people may see it.
    pub(super) async fn look(&mut self, window: &Window, what: &str) {
        window.run::<()>(&self.axe, &[]).await;
        for width in WIDTHS {
            for colours in COLOURS {
                window.pretend(colours, width).await;
                let found: Vec<String> = window.run(LOOK, &[json!(RULES), json!(width)]).await;
                let found = found.iter();
                self.faults
                    .extend(found.map(|fault| format!("{what}, {colours}, {width} wide: {fault}")));
            }
        }
    }

    /// What was wrong since the last time that somebody asked.
    pub(super) fn faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.faults)
    }
}
