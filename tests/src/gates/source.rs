//! The house's own source as words, so that a comment, a string or a test never looks like the code that runs.

use std::fs;
use std::path::Path;
use std::str::FromStr as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A file of a crate that the server is made of, without its tests.
pub struct Source {
    /// Where it stands, from the workspace's folder on.
    pub path: String,
    words: Vec<Word>,
}

struct Word {
    text: String,
    line: usize,
}

impl Source {
    /// Source that does not stand in a file.
    ///
    /// # Panics
    /// If it is no Rust.
    #[must_use]
    pub fn planted(path: &str, text: &str) -> Self {
        let tokens = TokenStream::from_str(text)
            .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
        let mut words = Vec::new();
        flatten(tokens, &mut words);
        Self {
            path: path.to_owned(),
            words,
        }
    }

    /// The lines on which `code` stands, however it is broken into lines and spaces.
    pub(crate) fn lines_with(&self, code: &str) -> Vec<usize> {
        let mut sought = Vec::new();
        flatten(
            TokenStream::from_str(code).expect("what is looked for is Rust"),
            &mut sought,
        );
        self.words
            .windows(sought.len())
            .filter(|window| {
                let pairs = window.iter().zip(&sought);
                pairs
                    .into_iter()
                    .all(|(word, sought)| word.text == sought.text)
            })
            .map(|window| window[0].line)
            .collect()
    }

    /// The text literals with their lines.
    pub fn texts(&self) -> impl Iterator<Item = (usize, &str)> {
        let literals = self.words.iter().filter(|word| {
            word.text.ends_with(['"', '#']) && word.text.starts_with(['"', 'r', 'b', 'c'])
        });
        literals.map(|word| {
            let text = word.text.trim_start_matches(['r', 'b', 'c', '#']);
            (word.line, text.trim_end_matches('#').trim_matches('"'))
        })
    }
}

/// Every source file that the server is made of, in the workspace at `root`.
///
/// # Panics
/// If a file cannot be read or is no Rust.
#[must_use]
pub fn sources(root: &Path, crates: &[String]) -> Vec<Source> {
    let mut sources = Vec::new();
    for name in crates {
        read(
            &root.join("crates").join(name).join("src"),
            root,
            &mut sources,
        );
    }
    sources
}

fn read(folder: &Path, root: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a crate has sources") {
        let path = entry.expect("a folder can be listed").path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        // `testing` is what the feature of that name adds for the tests of others.
        if stem == "tests" || stem.ends_with("_tests") || stem == "testing" {
            continue;
        }
        if path.is_dir() {
            read(&path, root, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file can be read");
            let path = path.strip_prefix(root).unwrap_or(&path);
            sources.push(Source::planted(&path.to_string_lossy(), &text));
        }
    }
}

/// The words of `tokens` in order, without those of the items that only tests have.
fn flatten(tokens: TokenStream, words: &mut Vec<Word>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if is_punct(&token, '#')
            && let Some(TokenTree::Group(attribute)) = tokens.peek()
            && is_for_tests(&attribute.stream().to_string())
        {
            skip_item(&mut tokens);
            continue;
        }
        let line = token.span().start().line;
        let mut word = |text: &str| {
            words.push(Word {
                text: text.to_owned(),
                line,
            });
        };
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                word(open);
                flatten(group.stream(), words);
                words.push(Word {
                    text: close.to_owned(),
                    line: group.span_close().start().line,
                });
            }
            other => word(&other.to_string()),
        }
    }
}

/// Whether an attribute makes what follows it a test or a part of one.
fn is_for_tests(attribute: &str) -> bool {
    let condition: String = attribute.split_whitespace().collect();
    condition == "test"
        || condition.starts_with("tokio::test")
        || condition.starts_with("cfg(test")
        || condition.starts_with("cfg(any(test")
        || condition.starts_with("cfg(all(test")
        || condition.starts_with("cfg(feature=\"testing\"")
}

/// Leaves out an item, field or arm: up to its body, its semicolon, or, where neither comes first, its comma.
fn skip_item(tokens: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>) {
    const HEADS: [&str; 11] = [
        "fn", "mod", "impl", "struct", "enum", "use", "const", "static", "trait", "async", "type",
    ];
    let (mut is_item, mut is_import) = (false, false);
    for token in tokens.by_ref() {
        if let TokenTree::Ident(ident) = &token {
            let ident = ident.to_string();
            is_import |= ident == "use" && !is_item;
            is_item |= HEADS.contains(&ident.as_str());
        }
        let ends = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !is_import,
            token => is_punct(token, ';') || (is_punct(token, ',') && !is_item),
        };
        if ends {
            return;
        }
    }
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}
