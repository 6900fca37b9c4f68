//! Ports that stay the same from one start to the next, so that bookmarks, open tabs and database clients keep working.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
};

use anyhow::Context;

use crate::checkout;

/// Below the range from which Linux and macOS take the local ports of outgoing connections, so that none of those
/// squats on a port between two starts.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Checkouts side by side start their search this far apart.
const BLOCK: u16 = 20;

/// The ports of one set of programs, kept in a file.
pub(crate) struct Ports {
    file: PathBuf,
    kept: BTreeMap<String, u16>,
}

impl Ports {
    /// Reads the kept ports. A file that is missing or broken holds none: it is only a memory.
    pub(crate) fn load(file: PathBuf) -> Self {
        let kept = fs::read(&file)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default();
        Self { file, kept }
    }

    /// The port that was chosen for this purpose before.
    pub(crate) fn kept(&self, purpose: &str) -> Option<u16> {
        self.kept.get(purpose).copied()
    }

    /// The kept port if nothing else took it meanwhile, else a free one, which is kept from now on.
    pub(crate) fn choose(&mut self, purpose: &str) -> anyhow::Result<u16> {
        let port = choose(purpose, &self.kept, first_of_checkout(), is_free)
            .context("every port from 20000 to 31999 is taken: end some of the programs on them")?;
        if self.kept.insert(purpose.to_owned(), port) != Some(port) {
            let json = serde_json::to_vec_pretty(&self.kept).context("encode the ports")?;
            fs::write(&self.file, json)
                .with_context(|| format!("write {}", checkout::shown(&self.file)))?;
        }
        Ok(port)
    }
}

/// Whether a server could listen here now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn first_of_checkout() -> u16 {
    let blocks = u64::from((RANGE.end - RANGE.start) / BLOCK);
    let block = u16::try_from(checkout::fingerprint() % blocks).unwrap_or_default();
    RANGE.start + block * BLOCK
}

fn choose(
    purpose: &str,
    kept: &BTreeMap<String, u16>,
    first: u16,
    is_free: impl Fn(u16) -> bool,
) -> Option<u16> {
    let own = kept.get(purpose).copied().filter(|port| is_free(*port));
    own.or_else(|| {
        (first..RANGE.end)
            .chain(RANGE.start..first)
            .find(|port| !kept.values().any(|other| other == port) && is_free(*port))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(entries: &[(&str, u16)]) -> BTreeMap<String, u16> {
        entries
            .iter()
            .map(|(purpose, port)| ((*purpose).to_owned(), *port))
            .collect()
    }

    #[test]
    fn a_port_is_kept_while_it_is_free() {
        let kept = kept(&[("web", 20_105), ("redis", 20_106)]);
        assert_eq!(choose("web", &kept, 20_100, |_| true), Some(20_105));
    }

    #[test]
    fn a_port_taken_by_another_program_is_left_to_it() {
        let kept = kept(&[("web", 20_100), ("redis", 20_102)]);
        let chosen = choose("web", &kept, 20_100, |port| port != 20_100);
        assert_eq!(chosen, Some(20_101));
    }

    #[test]
    fn two_purposes_never_share_a_port_although_both_are_idle() {
        let kept = kept(&[("redis", 20_100), ("postgres", 20_101)]);
        assert_eq!(choose("web", &kept, 20_100, |_| true), Some(20_102));
    }

    #[test]
    fn the_search_goes_round_the_end_of_the_range() {
        let chosen = choose("web", &kept(&[]), 31_999, |port| port < 20_002);
        assert_eq!(chosen, Some(20_000));
    }

    #[test]
    fn no_free_port_is_said_instead_of_searched_for_ever() {
        assert_eq!(choose("web", &kept(&[]), 20_000, |_| false), None);
    }

    #[test]
    fn ports_survive_a_restart_and_a_broken_file_counts_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ports.json");
        fs::write(&file, "{ broken").unwrap();
        let port = Ports::load(file.clone()).choose("web").unwrap();
        assert_eq!(Ports::load(file).kept("web"), Some(port));
    }
}
