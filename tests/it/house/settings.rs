//! What the server reads from its environment is written down, and what deployment sets is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use server::config::{Environment, Settings};
use tests::gates::settings::check;
use tests::gates::source::{Source, sources};

use super::graph::{House, root};
use crate::gates::{broken, told};

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

#[test]
fn every_setting_stands_in_the_readme_and_nothing_else_does() {
    let findings = check(&sources(root(), &House::read(root()).served()), &readme());
    assert!(findings.is_empty(), "{}", told(&findings));
}

#[test]
fn a_setting_that_is_not_written_down_is_found_and_one_that_is_not_read_too() {
    let mut files = sources(root(), &House::read(root()).served());
    let code = "fn planted(read: &mut Reader) { read.raw(\"PLANTED_LIMIT\"); }";
    files.push(Source::planted("crates/server/src/config/planted.rs", code));
    let readme = readme().replace(
        "## Settings\n",
        "## Settings\n\n| `GONE_LIMIT` | nothing |\n",
    );
    let findings = check(&files, &readme);
    let broken: Vec<_> = broken(&findings)
        .into_iter()
        .map(|(rule, _)| rule)
        .collect();
    assert_eq!(
        broken,
        ["undocumented-setting", "stale-setting"],
        "{}",
        told(&findings)
    );
    assert!(told(&findings).contains("PLANTED_LIMIT is read"));
    assert!(told(&findings).contains("nothing reads GONE_LIMIT"));
}

/// Variables that a file of deployment sets, with nobody there who would read them.
fn unread(text: &str) -> Vec<&str> {
    let readme = readme();
    let (_, chapter) = readme.split_once("## Settings\n").unwrap();
    let (chapter, _) = chapter.split_once("\n## ").unwrap();
    let caddyfile = ["Caddyfile", "deploy/caddy/files.caddy"]
        .map(|file| fs::read_to_string(root().join(file)).unwrap())
        .concat();
    let is_read = |name: &str| {
        let setting = name.strip_suffix("_FILE").unwrap_or(name);
        chapter.contains(&format!("`{setting}`"))
            || caddyfile.contains(&format!("{{${name}"))
            // Other people's programs.
            || ["POSTGRES_", "PGBACKREST_", "GF_"].iter().any(|theirs| name.starts_with(theirs))
    };
    let set = text.lines().filter_map(|line| {
        let line = line.trim_start().trim_start_matches("Environment=");
        let name = line.split([':', '=']).next()?;
        let is_name =
            name.len() > 3 && name.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
        (is_name && line.len() > name.len()).then_some(name)
    });
    set.filter(|name| !is_read(name)).collect()
}

#[test]
fn whatever_deployment_sets_is_read_by_somebody() {
    for file in [
        "env.example",
        "compose.yaml",
        "systemd/app@.service",
        "systemd/caddy.conf",
    ] {
        let text = fs::read_to_string(root().join("deploy").join(file)).unwrap();
        assert_eq!(unread(&text), Vec::<&str>::new(), "{file}");
    }
    let faults = "REDIS_URI=redis://redis\n      DATABASE_ULR_FILE: /run/secrets/url\nEnvironment=SIDE_ADDRESS=shop\nREDIS_URL=a";
    assert_eq!(
        unread(faults),
        ["REDIS_URI", "DATABASE_ULR_FILE", "SIDE_ADDRESS"]
    );
}

/// The settings of deploy/env.example over an installation's files, which are in `folder`.
fn installed(folder: &Path) -> BTreeMap<String, String> {
    let example = fs::read_to_string(root().join("deploy/env.example")).unwrap();
    let lines = example.lines().filter(|line| !line.starts_with('#'));
    let settings = lines.filter_map(|line| line.split_once('='));
    let moved = |value: &str| value.replace("/etc/app", folder.to_str().unwrap());
    settings
        .map(|(name, value)| (name.to_owned(), moved(value)))
        .collect()
}

#[test]
fn an_installation_lacks_nothing_but_what_its_providers_have_given_it() {
    for runtime in ["compose", "systemd"] {
        let folder = tempfile::tempdir().unwrap();
        let group = Command::new("id").arg("-gn").output().unwrap();
        let group = String::from_utf8(group.stdout).unwrap();
        let mut secrets = Command::new(root().join("deploy/secrets"));
        secrets.arg(runtime).env("SETTINGS_ROOT", folder.path());
        let made = secrets.env("APP_USER", group.trim()).output().unwrap();
        assert!(made.status.success(), "{made:?}");

        let lacking = Settings::from_map(&installed(folder.path())).unwrap_err();
        let lacking: BTreeSet<_> = lacking.0.iter().map(|fault| fault.variable).collect();
        let providers = [
            (
                "PAYMENT_API_KEY",
                "payment-api-key",
                "sk_live_51HqLyjWDarjtT1zd",
            ),
            (
                "PAYMENT_WEBHOOK_SECRETS",
                "payment-webhook-secrets",
                "whsec_8fJk2LmQ9xTz4Rb7",
            ),
            ("SMTP_URL", "smtp-url", "smtps://shop:pw@mail.example"),
            ("STORAGE_ACCESS_KEY_ID", "storage-access-key-id", "AKIA0"),
            (
                "STORAGE_SECRET_ACCESS_KEY",
                "storage-secret-access-key",
                "kN8Lw3VqYb5Tz1Rm",
            ),
        ];
        assert_eq!(lacking, providers.map(|(variable, ..)| variable).into());
        for (_, file, value) in providers {
            fs::write(folder.path().join("secrets").join(file), value).unwrap();
        }
        let settings = Settings::from_map(&installed(folder.path())).unwrap();
        assert_eq!(settings.environment, Environment::Production);

        // Made once: a second run changes nothing.
        let before = fs::read(folder.path().join("secrets/secret-key")).unwrap();
        assert!(secrets.output().unwrap().status.success());
        assert_eq!(
            fs::read(folder.path().join("secrets/secret-key")).unwrap(),
            before
        );
    }
}
