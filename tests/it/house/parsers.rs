//! Whatever reads bytes from outside has a fuzz target, or says why not.
//!
//! What reads is recognised by its name: `FromStr`, `TryFrom<String>` and functions called `parse` of our own, and the
//! readers of other people's that are listed below. A target covers what it names. A waiver is a comment
//! `// Not fuzzed: why` above or in the function or the `impl`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Reads only what we have written, or what a developer has.
const DEVELOPERS: [&str; 2] = ["fuzzing", "xtask"];

/// What turns bytes or text into something else, by the name that a call of it has in it.
const READERS: [&str; 13] = [
    "serde_json::from_slice",
    "serde_json::from_str",
    "serde_json::from_value",
    "form_urlencoded::parse",
    "jsonwebtoken::decode",
    "hex::decode",
    "URL_SAFE_NO_PAD.decode",
    ".to_str()",
    "MessageParser",
    "RequestReceiver",
    "DataReceiver",
    "ImageReader",
    "next_field()",
];

const WAIVER: &str = "// Not fuzzed:";

/// A file of ours, parted into what ships and what tries it.
struct Source {
    path: String,
    shipped: String,
    targets: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        if path.ends_with("/fuzz.rs") {
            let (path, targets) = (path.to_owned(), text.to_owned());
            return Self {
                path,
                shipped: String::new(),
                targets,
            };
        }
        let begin = |name: &str| text.find(&format!("#[cfg(test)]\nmod {name} {{"));
        let fuzz = begin("fuzz").unwrap_or(text.len());
        let tests = begin("tests").unwrap_or(text.len());
        Self {
            path: path.to_owned(),
            shipped: text[..fuzz.min(tests)].to_owned(),
            targets: text[fuzz..].to_owned(),
        }
    }

    /// Whether `path` is the file itself, a file below it, or the module beside it that holds its targets.
    fn is_near(&self, path: &str) -> bool {
        let folder = self
            .path
            .trim_end_matches("/fuzz.rs")
            .trim_end_matches(".rs");
        path.trim_end_matches(".rs").starts_with(folder)
    }
}

/// Something that reads, and what has to be named for it to be covered.
struct Site {
    line: usize,
    /// The first line of the function or `impl` around it, with the comments above.
    item: usize,
    /// Where any target of the crate counts, as for a type; a function's name says too little outside of its file.
    type_name: Option<String>,
    names: Vec<String>,
}

fn sites(shipped: &str) -> Vec<Site> {
    let lines: Vec<&str> = shipped.lines().collect();
    let (mut function, mut implementation) = ((0, String::new()), (0, String::new()));
    let mut sites = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim();
        if code.starts_with("//") || code.starts_with("use ") {
            continue;
        }
        if line.starts_with("impl") || code.starts_with("impl std::str::FromStr") {
            implementation = (at, implementor(code));
        }
        if let Some((_, signature)) = code.split_once("fn ") {
            let name = signature.split(['(', '<']).next().unwrap_or_default();
            function = (at, name.to_owned());
        }
        let reads_text =
            code.contains("&str") || code.contains("&[u8]") || code.contains("&'a str");
        let conversion = ["FromStr for ", "TryFrom<String> for "];
        let site = if conversion.iter().any(|it| code.contains(it)) {
            Some((implementation.0, Some(implementation.1.clone()), vec![]))
        } else if code.contains("fn parse") && reads_text {
            let method = line.starts_with("    ").then(|| implementation.1.clone());
            Some((at, method, vec![function.1.clone()]))
        } else {
            let reader = READERS.iter().find(|reader| code.contains(**reader));
            let names = |reader: &&str| vec![function.1.clone(), (*reader).to_owned()];
            reader.map(|reader| (function.0, None, names(reader)))
        };
        if let Some((item, type_name, names)) = site {
            let above = lines[..item].iter().rev();
            let comments = above.take_while(|line| line.trim().starts_with(['/', '#']));
            sites.push(Site {
                line: at,
                item: item - comments.count(),
                type_name,
                names,
            });
        }
    }
    sites
}

/// `impl<'a> Header<'a> {` and `impl FromStr for Header {` are about `Header`.
fn implementor(code: &str) -> String {
    let subject = code.rsplit(" for ").next().unwrap_or(code);
    let subject = subject
        .trim_start_matches("impl<'a> ")
        .trim_start_matches("impl ");
    let name = subject.split(['<', ' ', '{']).next();
    name.unwrap_or_default().to_owned()
}

/// What is neither tried nor waived, and waivers of nothing, in the files of one crate.
fn complaints(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let near = sources.iter().filter(|other| other.is_near(&source.path));
        let near: String = near.map(|other| other.targets.as_str()).collect();
        let anywhere: String = sources.iter().map(|it| it.targets.as_str()).collect();
        let lines: Vec<&str> = source.shipped.lines().collect();
        let mut waivers: BTreeMap<usize, &str> = (0..lines.len())
            .filter_map(|at| Some((at, lines[at].trim().strip_prefix(WAIVER)?)))
            .collect();
        for site in sites(&source.shipped) {
            // A macro's type has the name that it is given; the target stands beside the macro.
            let by_type = site.type_name.is_some_and(|name| {
                if name.starts_with('$') {
                    !near.is_empty()
                } else {
                    anywhere.contains(&name)
                }
            });
            if by_type || site.names.iter().any(|name| near.contains(name.as_str())) {
                continue;
            }
            let waiver = waivers.range(site.item..=site.line).next();
            let reason = waiver.map(|(at, reason)| (*at, reason.trim()));
            match reason {
                Some((at, reason)) if !reason.is_empty() => {
                    waivers.remove(&at);
                }
                _ => complaints.push(format!(
                    "{}:{}: `{}` reads what comes from outside, and no fuzz target names it. What nobody has tried with \
                     hostile bytes, a stranger will. Write a test in its module `fuzz` and inputs into the crate's \
                     corpus, as crates/fuzzing says; or, where no stranger's bytes arrive, `{WAIVER} why` above it",
                    source.path,
                    site.line + 1,
                    lines[site.line].trim()
                )),
            }
        }
        complaints.extend(waivers.keys().map(|at| {
            format!(
                "{}:{}: this waives nothing: delete it, or give it its reason",
                source.path,
                at + 1
            )
        }));
    }
    complaints
}

fn read(folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        // Written by us, to be read by us.
        if name.ends_with("tests") || name.ends_with("testing") {
            continue;
        }
        if path.is_dir() {
            read(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let shown = path.strip_prefix("..").unwrap().display().to_string();
            sources.push(Source::new(&shown, &text));
        }
    }
}

/// The sources of every crate that strangers can talk to.
fn crates() -> BTreeMap<String, Vec<Source>> {
    let folders = fs::read_dir("../crates")
        .unwrap()
        .map(|entry| entry.unwrap());
    let crates = folders.filter_map(|folder| {
        let name = folder.file_name().to_string_lossy().into_owned();
        let mut sources = Vec::new();
        if !DEVELOPERS.contains(&name.as_str()) {
            read(&folder.path().join("src"), &mut sources);
        }
        (!sources.is_empty()).then_some((name, sources))
    });
    crates.collect()
}

#[test]
fn whatever_reads_bytes_from_outside_has_a_fuzz_target() {
    let crates = crates();
    let found: usize = crates
        .values()
        .flatten()
        .map(|source| sites(&source.shipped).len())
        .sum();
    assert!(found > 40, "only {found} parsers were found");
    let complaints: Vec<_> = crates.values().flat_map(|it| complaints(it)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_corpus_belongs_to_one_target_and_every_target_has_a_corpus() {
    for (name, sources) in crates() {
        let mut named: Vec<_> = sources
            .iter()
            .flat_map(|source| source.targets.split("fuzzing::").skip(1))
            .filter_map(|call| call.split('"').nth(1).map(str::to_owned))
            .collect();
        named.sort();
        let corpora = fs::read_dir(Path::new("../crates").join(&name).join("corpus"));
        let corpora = corpora.into_iter().flatten();
        let mut corpora: Vec<_> = corpora
            .map(|corpus| corpus.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        corpora.sort();
        assert_eq!(named, corpora, "{name}");
    }
}

#[test]
fn a_parser_without_a_target_is_refused() {
    for shipped in [
        "impl FromStr for Colour {\n}\n",
        "impl TryFrom<String> for Colour {\n}\n",
        "impl Colour {\n    pub fn parse(text: &str) -> Self {\n    }\n}\n",
        "fn parse_colour(text: &str) -> Colour {\n}\n",
        "fn colour(headers: &HeaderMap) -> Colour {\n    headers.get(\"colour\")?.to_str().ok()\n}\n",
        "fn colour(body: &[u8]) -> Colour {\n    serde_json::from_slice(body)\n}\n",
    ] {
        let refused = complaints(&[Source::new("colour.rs", shipped)]);
        assert_eq!(refused.len(), 1, "{shipped}: {refused:?}");
        assert!(
            refused[0].contains("no fuzz target names it"),
            "{refused:?}"
        );

        let target = "#[cfg(test)]\nmod fuzz {\n    Colour::from; colour(); parse_colour();\n}\n";
        let with_target = Source::new("colour.rs", &format!("{shipped}{target}"));
        assert_eq!(complaints(&[with_target]), Vec::<String>::new());

        let waived = format!("{WAIVER} our own rows hold it.\n{shipped}");
        let waived = if shipped.contains("    pub fn parse") {
            shipped.replace(
                "    pub fn",
                &format!("    {WAIVER} a setting.\n    pub fn"),
            )
        } else {
            waived
        };
        assert_eq!(
            complaints(&[Source::new("colour.rs", &waived)]),
            Vec::<String>::new()
        );
    }
}

#[test]
fn a_target_in_another_file_covers_types_and_no_functions() {
    let target = || Source::new("other/fuzz.rs", "Colour::parse(text); colour(text);");
    let by_type = Source::new("colour.rs", "impl FromStr for Colour {\n}\n");
    assert_eq!(complaints(&[by_type, target()]), Vec::<String>::new());
    let by_name = "fn colour(text: &str) {\n    serde_json::from_str(text)\n}\n";
    let by_name = Source::new("colour.rs", by_name);
    assert_eq!(complaints(&[by_name, target()]).len(), 1);
}

#[test]
fn a_waiver_without_a_reason_or_a_parser_is_refused() {
    let blank = format!("{WAIVER}\nimpl FromStr for Colour {{\n}}\n");
    let refused = complaints(&[Source::new("colour.rs", &blank)]);
    assert_eq!(refused.len(), 2, "{refused:?}");
    let stale = format!("{WAIVER} our own rows hold it.\nstruct Colour;\n");
    let refused = complaints(&[Source::new("colour.rs", &stale)]);
    assert!(refused[0].contains("this waives nothing"), "{refused:?}");
}
