//! One supervisor a checkout.

use std::{
    fs::{File, TryLockError},
    io::{Read, Write},
    path::Path,
};

use anyhow::Context;

/// Held by the supervisor for as long as it lives. The system gives it up when the process ends, however it ends, so
/// there is no stale lock and the process id inside is right while the lock is taken.
pub(super) struct Lock {
    _file: File,
}

pub(super) enum Claim {
    Free(Lock),
    /// The process that holds it; unknown in the instant in which it writes its id.
    Taken(Option<i32>),
}

impl Lock {
    pub(super) fn claim(home: &Path) -> anyhow::Result<Claim> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(home.join("dev.lock"))
            .context("open .dev/dev.lock")?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).context("empty .dev/dev.lock")?;
                write!(file, "{}", std::process::id()).context("write .dev/dev.lock")?;
                Ok(Claim::Free(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid)
                    .context("read .dev/dev.lock")?;
                Ok(Claim::Taken(pid.parse().ok()))
            }
            Err(TryLockError::Error(error)) => Err(error).context("lock .dev/dev.lock"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_claim_finds_the_first_until_that_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let Claim::Free(first) = Lock::claim(folder.path()).unwrap() else {
            panic!("nobody else could hold the lock");
        };
        let Claim::Taken(Some(pid)) = Lock::claim(folder.path()).unwrap() else {
            panic!("the lock was given out twice");
        };
        assert_eq!(u32::try_from(pid).unwrap(), std::process::id());
        drop(first);
        assert!(matches!(
            Lock::claim(folder.path()).unwrap(),
            Claim::Free(_)
        ));
    }
}
