//! The commands of `deploy/README.md`, with what the manual leaves to whoever follows it.

/// What stands in the manual, and what this operator types instead. Each must be there: a manual that is changed is looked at anew.
const EDITS: [(&str, &str); 8] = [
    ("https://github.com/OWNER/NAME", "/srv/checkout.git"),
    (
        "# and edit it: names, addresses, the bucket",
        "\nsudo sed -i -e 's#^PUBLIC_URL=.*#PUBLIC_URL=https://localhost#' \\
            -e 's#endpoint=.*#endpoint=https://localhost:9443#' /etc/app/env",
    ),
    (
        "sudo nano /etc/app/secrets/smtp-url ",
        "fill() { echo \"$2\" | sudo tee \"/etc/app/secrets/$1\" >/dev/null; }
fill smtp-url smtp://127.0.0.1:1025
fill payment-api-key \"sk_live_$(openssl rand -hex 16)\"
fill payment-webhook-secrets \"whsec_$(openssl rand -hex 24)\"
fill storage-access-key-id an-id
fill storage-secret-access-key a-secret ",
    ),
    (
        "sudo nano /etc/app/backup.env ",
        "sudo install -d -o postgres -g postgres /srv/backups
sudo sed -i -e '/S3/d' -e 's#^PGBACKREST_REPO1_TYPE=.*#PGBACKREST_REPO1_TYPE=posix#' \\
    -e 's#^PGBACKREST_REPO1_PATH=.*#PGBACKREST_REPO1_PATH=/srv/backups#' /etc/app/backup.env
printf 'PGBACKREST_PG1_PATH=/var/lib/postgresql/15/main\\nPGBACKREST_REPO1_CIPHER_PASS=%s\\n' \"$(openssl rand -hex 48)\" |
    sudo tee -a /etc/app/backup.env >/dev/null ",
    ),
    (
        "# and edit it: SITE_ADDRESS",
        "\nsudo sed -i s/shop.example/localhost/ /etc/systemd/system/caddy.service.d/app.conf",
    ),
    (
        "sudo deploy/release --name v1.0.0 ghcr.io/OWNER/NAME:v1.0.0",
        "sudo deploy/release --name v1.0.0 /srv/server",
    ),
    // Caddy's own authority, which no machine trusts.
    ("curl -I ", "curl --insecure --fail -I "),
    ("https://shop.example/livez", "https://localhost/livez"),
];

/// The settings of a release: the manual's are for containers.
const DEPLOY_SETTINGS: &str = "printf '%s\\n' RUNTIME=systemd SITE_URL=https://localhost BACKUP_COMMAND=true \\
    CURL_CA_BUNDLE=/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt | sudo tee /etc/app/deploy.env >/dev/null\n";

const MANUAL: &str = include_str!("../../../../deploy/README.md");

/// Everything up to the first release.
pub(super) fn until_the_first_page() -> String {
    let mut script = ["## 1. ", "## 2. ", "## 3b. "]
        .map(section)
        .map(|blocks| blocks.concat())
        .concat();
    script.push_str(DEPLOY_SETTINGS);
    script.push_str(&of_first_release("deploy/release"));
    for (said, typed) in EDITS {
        assert!(
            script.contains(said),
            "deploy/README.md says no longer {said:?}"
        );
        script = script.replace(said, typed);
    }
    script
}

/// What is done once the first release serves.
pub(super) fn backup_and_rehearsal() -> String {
    of_first_release("rehearsal.service")
}

/// The block of commands of the last section that has `part` in it.
fn of_first_release(part: &str) -> String {
    let mut blocks = section("## 4. ").into_iter();
    let found = blocks.find(|block| block.starts_with("sudo ") && block.contains(part));
    found.unwrap_or_else(|| panic!("deploy/README.md has no commands with {part}"))
}

/// The blocks of commands of a section.
fn section(title: &str) -> Vec<String> {
    let begin = MANUAL.find(&format!("\n{title}")).expect("a section");
    let rest = &MANUAL[begin + 1..];
    let text = &rest[..rest.find("\n## ").unwrap_or(rest.len())];
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().expect("a block").to_owned())
        .collect()
}
