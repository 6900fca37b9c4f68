//! What a person or a program must know about the running shop: `.dev/state.json`, and the same as a table.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{
    checkout::{self, shown},
    shop::{Shop, local_url},
};

/// The addresses and sign-ins of a shop that is ready. The file exists only as long as the shop runs.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    base_url: String,
    api_url: String,
    sandbox_url: String,
    inbox_url: String,
    metrics_url: String,
    database_url: String,
    redis_url: String,
    accounts: Vec<Account>,
}

/// A person of the demo data.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    email: String,
    password: String,
    role: String,
}

impl Account {
    /// Reads what `server seed` printed.
    pub(super) fn read_all(file: &Path) -> anyhow::Result<Vec<Self>> {
        #[derive(Deserialize)]
        struct Printed {
            accounts: Vec<Account>,
        }
        let json = fs::read(file).with_context(|| format!("read {}", shown(file)))?;
        let printed: Printed =
            serde_json::from_slice(&json).context("read what `server seed` printed")?;
        Ok(printed.accounts)
    }
}

impl State {
    pub(super) fn new(shop: &Shop, accounts: Vec<Account>) -> Self {
        Self {
            base_url: shop.base_url(),
            api_url: format!("{}/api/v1", shop.base_url()),
            sandbox_url: shop.sandbox_url(),
            inbox_url: format!("{}/inbox", shop.sandbox_url()),
            metrics_url: format!("{}/metrics", local_url(shop.metrics)),
            database_url: shop.database_url(),
            redis_url: shop.redis_url(),
            accounts,
        }
    }

    /// Appears in one piece, so whoever waits for the file can read it at once.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let json = serde_json::to_vec_pretty(self).context("encode the state")?;
        let unfinished = file().with_extension("unfinished");
        fs::write(&unfinished, json)
            .and_then(|()| fs::rename(&unfinished, file()))
            .context("write .dev/state.json")
    }

    pub(super) fn is_written() -> bool {
        file().exists()
    }

    pub(super) fn read() -> anyhow::Result<Self> {
        let json = fs::read(file()).context("read .dev/state.json")?;
        serde_json::from_slice(&json).context("understand .dev/state.json")
    }

    pub(super) fn forget() -> anyhow::Result<()> {
        match fs::remove_file(file()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).context("remove .dev/state.json")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn print(&self, once: bool, background: bool) {
        println!("\n{}", self.table());
        let ending = if background {
            "`cargo xtask stop`"
        } else {
            "Ctrl-C"
        };
        let change = if once {
            ""
        } else {
            "A changed file restarts what it belongs to. "
        };
        println!("Logs are in .dev/logs. {change}{ending} ends everything.\n");
    }

    fn table(&self) -> String {
        let docs = self.api_url.trim_end_matches("/v1").to_owned() + "/docs";
        let addresses = [
            ("Shop", &self.base_url),
            ("API", &docs),
            ("Mails", &self.inbox_url),
            ("Payments", &self.sandbox_url),
            ("Metrics", &self.metrics_url),
            ("PostgreSQL", &self.database_url),
            ("Redis", &self.redis_url),
        ];
        let mut lines: Vec<_> = addresses
            .iter()
            .map(|(name, address)| format!("  {name:<12}{address}"))
            .collect();
        let width = self
            .accounts
            .iter()
            .map(|account| account.email.len())
            .max();
        let width = width.unwrap_or_default() + 3;
        lines.push("\n  Sign in as".to_owned());
        lines.extend(self.accounts.iter().map(|account| {
            let Account {
                email,
                password,
                role,
            } = account;
            format!("  {role:<12}{email:<width$}{password}")
        }));
        lines.join("\n") + "\n"
    }
}

fn file() -> PathBuf {
    checkout::dev_folder().join("state.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let account = |email: &str, role: &str| Account {
            email: email.to_owned(),
            password: "a long password".to_owned(),
            role: role.to_owned(),
        };
        State {
            base_url: "http://127.0.0.1:1".to_owned(),
            api_url: "http://127.0.0.1:1/api/v1".to_owned(),
            sandbox_url: "http://127.0.0.1:2".to_owned(),
            inbox_url: "http://127.0.0.1:2/inbox".to_owned(),
            metrics_url: "http://127.0.0.1:3/metrics".to_owned(),
            database_url: "postgres://app@127.0.0.1:4/shop".to_owned(),
            redis_url: "redis://127.0.0.1:5".to_owned(),
            accounts: vec![
                account("ada@example.test", "customer"),
                account("al@example.test", "admin"),
            ],
        }
    }

    #[test]
    fn the_file_says_what_other_programs_look_for() {
        let json = serde_json::to_value(state()).unwrap();
        for key in [
            "base_url",
            "api_url",
            "sandbox_url",
            "inbox_url",
            "metrics_url",
            "database_url",
            "redis_url",
        ] {
            assert!(json[key].is_string(), "{key}");
        }
        assert_eq!(json["accounts"][1]["role"], "admin");
        assert_eq!(serde_json::from_value::<State>(json).unwrap(), state());
    }

    #[test]
    fn the_table_aligns_addresses_and_passwords() {
        let table = state().table();
        assert!(
            table.contains("  API         http://127.0.0.1:1/api/docs\n"),
            "{table}"
        );
        assert!(
            table.contains("  customer    ada@example.test   a long password\n"),
            "{table}"
        );
        assert!(
            table.contains("  admin       al@example.test    a long password\n"),
            "{table}"
        );
    }

    #[test]
    fn sign_ins_are_read_from_what_seed_prints() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accounts.json");
        fs::write(
            &file,
            r#"{"accounts":[{"email":"a@b.test","password":"p","role":"admin"}]}"#,
        )
        .unwrap();
        assert_eq!(Account::read_all(&file).unwrap()[0].email, "a@b.test");
        fs::write(&file, "nothing").unwrap();
        assert!(Account::read_all(&file).is_err());
    }
}
