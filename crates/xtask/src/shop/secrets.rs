//! Keys of this checkout's shop, made once so that sign-ins survive a restart.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::checkout::shown;

pub(crate) const SECRET_KEY: &str = "secret-key";
pub(crate) const JWT_SIGNING_KEY: &str = "jwt-signing-key.pem";

/// Everything of an Ed25519 key in PKCS#8 but the 32 random bytes at its end (RFC 8410, section 7).
const ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Makes the keys that are missing.
pub(crate) fn ensure(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).context("create the folder of keys")?;
    keep(&folder.join(SECRET_KEY), || Ok(STANDARD.encode(random()?)))?;
    keep(&folder.join(JWT_SIGNING_KEY), || Ok(ed25519_pem(random()?)))
}

fn keep(file: &Path, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<()> {
    if file.exists() {
        return Ok(());
    }
    // Made before the file is: an interruption must not leave an empty key.
    let key = make()?;
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut opened| opened.write_all(key.as_bytes()))
        .with_context(|| format!("write {}", shown(file)))
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("read random bytes")?;
    Ok(bytes)
}

fn ed25519_pem(seed: [u8; 32]) -> String {
    let der = [ED25519_PREFIX.as_slice(), &seed].concat();
    // 48 bytes are one line of 64 letters, the length at which PEM breaks lines.
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_of_rfc_8410_is_written_as_the_rfc_prints_it() {
        let seed = "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";
        let bytes: Vec<u8> = (0..64)
            .step_by(2)
            .map(|at| u8::from_str_radix(&seed[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(
            ed25519_pem(bytes.try_into().unwrap()),
            "-----BEGIN PRIVATE KEY-----\n\
             MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
             -----END PRIVATE KEY-----\n"
        );
    }

    #[test]
    fn keys_are_made_once_and_only_their_owner_can_read_them() {
        let folder = tempfile::tempdir().unwrap();
        ensure(folder.path()).unwrap();
        let file = folder.path().join(SECRET_KEY);
        let first = fs::read_to_string(&file).unwrap();
        ensure(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), first);
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
