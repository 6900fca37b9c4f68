//! The corpus and what is made of it, for `cargo test`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::edits;

pub(crate) fn run(target: &str, inputs: u32, property: impl Fn(&[u8])) {
    // Cargo starts a test in its package's folder.
    let folder = Path::new("corpus").join(target);
    let corpus = corpus(&folder);
    for (name, input) in &corpus {
        // What it leaves behind is not looked at again.
        let held = catch_unwind(AssertUnwindSafe(|| property(input)));
        assert!(held.is_ok(), "corpus/{target}/{name} breaks it");
    }
    let corpus = corpus.into_iter().map(|(_, input)| input).collect();
    let result = runner(inputs).run(&edits::of(corpus), |input| {
        property(&input);
        Ok(())
    });
    if let Err(TestError::Fail(why, input)) = result {
        panic!(
            "broken by b\"{}\", which belongs into corpus/{target} under a name that says what it tries: {why}",
            input.escape_ascii()
        );
    }
}

/// The same inputs each time, whoever runs it.
fn runner(inputs: u32) -> TestRunner {
    let config = Config {
        cases: inputs,
        // What was found goes into the corpus, under a name.
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
}

/// The files of a corpus, by name.
fn corpus(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut corpus: Vec<_> = files
        .map(|file| {
            let input = fs::read(file.path()).expect("a corpus holds files that can be read");
            (file.file_name().to_string_lossy().into_owned(), input)
        })
        .collect();
    assert!(
        !corpus.is_empty(),
        "{} holds no input to begin with",
        folder.display()
    );
    corpus.sort();
    corpus
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn tried(inputs: u32) -> Vec<Vec<u8>> {
        let tried = RefCell::new(Vec::new());
        let property = |input: &[u8]| tried.borrow_mut().push(input.to_owned());
        run("greeting", inputs, property);
        tried.into_inner()
    }

    fn complaint(property: impl Fn(&[u8])) -> String {
        let run = AssertUnwindSafe(|| run("greeting", 1_000, property));
        let panic = catch_unwind(run).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    }

    #[test]
    fn the_corpus_comes_first_and_every_run_tries_the_same() {
        let once = tried(100);
        assert_eq!(once[..2], [b"good day".to_vec(), b"hello".to_vec()]);
        assert_eq!(once.len(), 102);
        assert_eq!(once, tried(100));
    }

    #[test]
    fn a_file_that_breaks_the_property_is_named() {
        let complaint = complaint(|input| assert_ne!(input, b"hello"));
        assert_eq!(complaint, "corpus/greeting/short breaks it");
    }

    #[test]
    fn what_is_made_of_the_corpus_finds_a_fault_and_comes_down_to_little() {
        let complaint = complaint(|input| assert!(!input.windows(2).any(|two| two == b"\r\n")));
        let (input, _) = complaint.split_once(", which").unwrap();
        assert!(input.contains(r"\r\n") && input.len() < 40, "{complaint}");
    }

    #[test]
    #[should_panic(expected = "corpus/farewell holds no input to begin with")]
    fn a_target_without_a_corpus_is_refused() {
        run("farewell", 1, |_| {});
    }
}
