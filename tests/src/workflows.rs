//! The hosted workflows as their host reads them: what runs in which order, and who may do what.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// A file of `.github/workflows`.
#[derive(Debug, Deserialize)]
pub struct Workflow {
    /// What its jobs may do unless they say otherwise.
    pub permissions: BTreeMap<String, String>,
    /// Variables of every job.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// By their names.
    pub jobs: BTreeMap<String, Job>,
}

/// What runs on one machine.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// Jobs that must have succeeded before.
    #[serde(default)]
    pub needs: Needs,
    /// What somebody must let it into, and where its variables and secrets come from.
    pub environment: Option<String>,
    /// After which it is ended.
    pub timeout_minutes: u32,
    /// What it may do, in the place of what the workflow may.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// What the jobs after it are given.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// One after the other, up to the first that fails.
    pub steps: Vec<Step>,
}

/// Names of jobs: one is written without a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Needs {
    /// `needs: image`
    One(String),
    /// `needs: [image, staging]`
    Many(Vec<String>),
}

impl Default for Needs {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Needs {
    /// The names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// Somebody's action, or commands for bash.
#[derive(Debug, Deserialize)]
pub struct Step {
    /// By which other steps find what it put out.
    pub id: Option<String>,
    /// The action.
    pub uses: Option<String>,
    /// The commands.
    pub run: Option<String>,
    /// Variables of this step.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl Workflow {
    /// Reads what stands in a file.
    ///
    /// # Errors
    /// If it is none, or one of its jobs has no time limit.
    pub fn parse(text: &str) -> Result<Self, String> {
        yaml_serde::from_str(text).map_err(|error| error.to_string())
    }
}

/// Every workflow of this repository, by the name of its file.
#[must_use]
pub fn all() -> BTreeMap<String, Workflow> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.github/workflows"));
    let files = fs::read_dir(folder).expect("workflows");
    let workflows = files.map(|file| {
        let file = file.expect("a file");
        let name = file.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(file.path()).expect("a file that can be read");
        let workflow = Workflow::parse(&text);
        let workflow = workflow.unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, workflow)
    });
    workflows.collect()
}

/// `text` with the values of its expressions, as in `ghcr.io/${{ github.repository }}`.
#[must_use]
pub fn expand(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut parts = text.split("${{");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once("}}").expect("an expression that ends");
        expanded.push_str(&value(expression.trim()));
        expanded.push_str(rest);
    }
    expanded
}
