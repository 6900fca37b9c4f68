//! The description of the host. Whether the provider takes it, only the provider knows, and it comes from a registry that not
//! every network reaches: `cargo xtask test deploy` fetches it where it can be had, and says so where it cannot.

use std::fs;
use std::path::Path;

use super::{files, linter, read, refusal, root, target};

#[test]
fn the_description_of_the_host_is_written_as_terraform_writes_it() {
    let Some(mut terraform) = linter("terraform", "-version") else {
        return;
    };
    terraform.args(["fmt", "-check", "-diff", "-recursive"]);
    assert_eq!(
        refusal(terraform.arg(root().join("deploy/terraform"))),
        None
    );
}

#[test]
fn what_terraform_cannot_read_is_refused() {
    let Some(mut terraform) = linter("terraform", "-version") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("main.tf"), "resource \"a\" {\n").unwrap();
    let refusal = refusal(terraform.args(["fmt", "-check"]).arg(folder.path()));
    assert!(refusal.unwrap().contains("Unclosed configuration block"));
}

#[test]
fn the_provider_takes_the_description_of_the_host() {
    let Some(mut terraform) = linter("terraform", "-version") else {
        return;
    };
    let data = target().join("tools/provider");
    let lock = ".terraform.lock.hcl";
    if !data.join(lock).is_file() {
        return;
    }
    let copy = tempfile::tempdir().unwrap();
    fs::copy(data.join(lock), copy.path().join(lock)).unwrap();
    for file in files("deploy/terraform") {
        let name = Path::new(&file).file_name().unwrap();
        fs::copy(root().join(&file), copy.path().join(name)).unwrap();
    }
    terraform.args(["validate", "-no-color"]);
    terraform.env("TF_DATA_DIR", data).current_dir(copy.path());
    assert_eq!(refusal(&mut terraform), None);
}

#[test]
fn what_no_provider_takes_is_refused() {
    let Some(mut terraform) = linter("terraform", "-version") else {
        return;
    };
    // The one provider that Terraform brings along.
    let fault = "resource \"terraform_data\" \"host\" {\n  size = 1\n}\n";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("main.tf"), fault).unwrap();
    terraform.args(["validate", "-no-color"]);
    let refusal = refusal(terraform.current_dir(folder.path()));
    assert!(refusal.unwrap().contains("Unsupported argument"));
}

/// Lines by which a secret would come into the state, which is kept in the open.
fn secrets(text: &str) -> Vec<&str> {
    let is_secret = |line: &&str| {
        let line = line.trim();
        let made = [
            "random_password",
            "tls_private_key",
            "spaces_key",
            "spaces_bucket_key",
        ];
        let named = ["password", "token ", "secret"];
        !line.starts_with('#')
            && (made.iter().any(|kind| {
                line.starts_with(&format!("resource \"{kind}"))
                    || line.starts_with(&format!("resource \"digitalocean_{kind}"))
            }) || named.iter().any(|name| line.starts_with(name)))
    };
    text.lines().filter(is_secret).collect()
}

#[test]
fn no_secret_comes_into_the_state() {
    let files = files("deploy/terraform").into_iter();
    let files: Vec<_> = files
        .filter(|file| Path::new(file).extension().is_some_and(|it| it == "tf"))
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(secrets(&read(&file)), Vec::<&str>::new(), "{file}");
    }
    let faults = "resource \"digitalocean_spaces_key\" \"files\" {\n  token = \"a\"\n";
    assert_eq!(secrets(faults).len(), 2);
}
