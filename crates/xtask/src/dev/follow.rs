//! The programs' logs on the terminal, each line under its program's name.

use std::{
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

const GLANCE: Duration = Duration::from_millis(50);

/// Reads logs as they grow, until it is dropped.
///
/// The programs write files and not pipes, because a pipe would block or end them together with its reader.
pub(super) struct Follower {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Follower {
    /// Follows files from their present ends.
    pub(super) fn start(logs: &[(&'static str, PathBuf)]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let threads = logs.iter().filter_map(|(name, log)| {
            let (name, over) = (*name, Arc::clone(&over));
            let mut file = File::open(log).ok()?;
            file.seek(SeekFrom::End(0)).ok()?;
            Some(thread::spawn(move || {
                follow(file, &over, |line| println!("{name:>7} | {line}"));
            }))
        });
        Self {
            threads: threads.collect(),
            over,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// Hands over each whole line, and at the end what is left.
fn follow(file: File, over: &AtomicBool, mut show: impl FnMut(&str)) {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        // Asked first: what was written before the end must still be read.
        let last = over.load(Ordering::Relaxed);
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            if line.ends_with(b"\n") {
                show(String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
        }
        if last {
            if !line.is_empty() {
                show(&String::from_utf8_lossy(&line));
            }
            return;
        }
        thread::sleep(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_are_shown_whole_although_they_were_written_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = File::create(&path).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (reader, flag) = (File::open(&path).unwrap(), Arc::clone(&over));
        let follower = thread::spawn(move || {
            let mut lines = Vec::new();
            follow(reader, &flag, |line| lines.push(line.to_owned()));
            lines
        });
        log.write_all(b"one\ntw").unwrap();
        thread::yield_now();
        log.write_all(b"o\nthree").unwrap();
        over.store(true, Ordering::Relaxed);
        assert_eq!(follower.join().unwrap(), ["one", "two", "three"]);
    }
}
