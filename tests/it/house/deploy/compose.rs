//! The shop on one machine, as Compose of either generation reads it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::{linter, planted, read, refusal, root};

const FILE: &str = "deploy/compose.yaml";

/// Compose with every profile, reading the settings that the checkout brings.
fn compose(file: &Path) -> Option<Command> {
    let plugin = Command::new("docker").args(["compose", "version"]).output();
    let mut compose = if plugin.is_ok_and(|output| output.status.success()) {
        let mut docker = Command::new("docker");
        docker.arg("compose");
        docker
    } else {
        linter("docker-compose", "--version")?
    };
    compose
        .arg("--file")
        .arg(file)
        .args(["--profile", "commands"]);
    compose.args(["--profile", "storage", "--profile", "watch", "config"]);
    let settings = root().join("deploy/env.example");
    compose.env("SETTINGS_FILE", settings);
    let others = root().join("deploy/compose.env.example");
    compose
        .env("MIGRATE_FILE", &others)
        .env("BACKUP_FILE", &others);
    Some(compose)
}

/// The services as Compose understands them, each with its lines.
fn services() -> Option<BTreeMap<String, Vec<String>>> {
    let output = compose(&root().join(FILE))?.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut inside = false;
    let mut name = String::new();
    for line in text.lines() {
        if !line.starts_with(' ') {
            inside = line == "services:";
        } else if inside && !line.starts_with("   ") {
            line.trim().trim_end_matches(':').clone_into(&mut name);
        } else if inside {
            services
                .entry(name.clone())
                .or_default()
                .push(line.to_owned());
        }
    }
    Some(services)
}

/// The value of a key of the service itself.
fn value<'a>(service: &'a [String], key: &str) -> Option<&'a str> {
    let key = format!("    {key}:");
    let line = service.iter().find_map(|line| line.strip_prefix(&key));
    line.map(|value| value.trim().trim_matches(['"', '\'']))
}

#[test]
fn compose_understands_every_service() {
    let Some(services) = services() else { return };
    let names: Vec<_> = services.keys().map(String::as_str).collect();
    for wanted in [
        "app-blue",
        "app-green",
        "caddy",
        "grafana",
        "pgbouncer",
        "postgres",
    ] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    for (name, service) in &services {
        for key in [
            "healthcheck",
            "logging",
            "mem_limit",
            "restart",
            "security_opt",
        ] {
            assert!(value(service, key).is_some(), "{name} has no {key}");
        }
    }
}

/// Mebibytes, as either generation writes them.
fn mebibytes(limit: &str) -> u64 {
    match limit.strip_suffix('m') {
        Some(mebibytes) => mebibytes.parse().unwrap(),
        None => limit.parse::<u64>().unwrap() / 1024 / 1024,
    }
}

#[test]
fn two_colours_and_everything_else_fit_into_four_gigabytes() {
    let Some(services) = services() else { return };
    let limits = services.values().filter_map(|it| value(it, "mem_limit"));
    let sum: u64 = limits.map(mebibytes).sum();
    assert!((3000..=3840).contains(&sum), "{sum} MiB");
    assert_eq!(mebibytes("268435456"), mebibytes("256m"));
}

#[test]
fn the_shop_can_write_nowhere_and_become_nobody_else() {
    let Some(services) = services() else { return };
    for name in [
        "app-blue",
        "app-green",
        "worker-blue",
        "worker-green",
        "server",
    ] {
        let service = &services[name];
        assert_eq!(value(service, "read_only"), Some("true"), "{name}");
        let text = service.join("\n");
        assert!(
            text.contains("cap_drop:\n    - ALL") || text.contains("cap_drop:\n      - ALL"),
            "{name}"
        );
        assert!(text.contains("no-new-privileges:true"), "{name}");
    }
}

#[test]
fn what_compose_does_not_know_is_refused() {
    let (_folder, file) = planted(FILE, "  redis:\n", "  redis:\n    retsart: always\n");
    let Some(mut compose) = compose(&file) else {
        return;
    };
    let refusal = refusal(&mut compose).unwrap();
    assert!(refusal.contains("retsart"), "{refusal}");
}

/// What the world, and not this machine alone, could reach.
fn published(text: &str) -> Vec<&str> {
    let ports = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("ports:"));
    let ports = ports.flat_map(|line| line.split('"').skip(1).step_by(2));
    ports.filter(|port| !port.contains("127.0.0.1:")).collect()
}

#[test]
fn the_world_reaches_nothing_but_caddy() {
    let text = read(FILE);
    let caddys = [
        "${HTTP_PORT:-80}:80",
        "${HTTPS_PORT:-443}:443",
        "${HTTPS_PORT:-443}:443/udp",
    ];
    assert_eq!(published(&text), caddys);
    assert_eq!(
        published("    ports: [\"127.0.0.1:1:1\", \"${A:-127.0.0.1:1}:1\", \"5432:5432\"]"),
        ["5432:5432"]
    );
    // The long form would not be seen here.
    assert!(!text.contains("published:") && !text.contains("network_mode: host"));
}

/// Images that can change under one name.
fn unpinned(text: &str) -> Vec<&str> {
    let images = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("image: "));
    let pinned = |image: &&str| {
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        // Our own: a release's, by its id, and the one that is built here.
        image.starts_with("${")
            || image.starts_with("app-")
            || image.contains("@sha256:")
            || tag
                .split(['.', '-'])
                .filter(|part| part.trim_start_matches('v').parse::<u32>().is_ok())
                .count()
                >= 2
    };
    images.filter(|image| !pinned(image)).collect()
}

#[test]
fn every_image_is_named_by_its_version() {
    assert_eq!(unpinned(&read(FILE)), Vec::<&str>::new());
    let faults = "  image: redis\n  image: redis:7\n  image: redis:latest\n  image: redis:7.2.4\n";
    assert_eq!(unpinned(faults), ["redis", "redis:7", "redis:latest"]);
}
