//! The proxy's settings, as the Caddy of this machine reads them.

use super::{linter, planted, refusal, root};

fn caddy(arguments: &[&str]) -> Option<std::process::Command> {
    let mut caddy = linter("caddy", "version")?;
    caddy.args(arguments);
    Some(caddy)
}

#[test]
fn caddy_reads_its_settings_and_would_write_them_so() {
    let file = root().join("Caddyfile");
    let Some(mut validate) = caddy(&["validate", "--adapter", "caddyfile", "--config"]) else {
        return;
    };
    assert_eq!(refusal(validate.arg(&file)), None);
    let mut format = caddy(&["fmt"]).unwrap();
    let written = format.arg(&file).output().unwrap();
    let written = String::from_utf8(written.stdout).unwrap();
    let ours = std::fs::read_to_string(file).unwrap();
    assert_eq!(written.trim_end(), ours.trim_end());
}

#[test]
fn a_directive_that_caddy_does_not_know_is_refused() {
    let Some(mut validate) = caddy(&["validate", "--adapter", "caddyfile", "--config"]) else {
        return;
    };
    let (_folder, file) = planted("Caddyfile", "reverse_proxy {", "reverse_poxy {");
    let refusal = refusal(validate.arg(file)).unwrap();
    assert!(refusal.contains("reverse_poxy"), "{refusal}");
}
