//! Compresses the assets once, as well as can be, so that no process of a release does it again, and lists them for
//! `src/http/assets.rs`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::GzEncoder;

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script by its environment"
)]
fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=assets");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names it"));
    let mut list = String::new();
    list_files(&Path::new("assets").canonicalize()?, "", &out, &mut list)?;
    fs::write(out.join("assets.rs"), format!("[{list}]"))
}

/// Adds each file of `folder` and of those in it to `list`. `prefix` is what stands before its name.
fn list_files(folder: &Path, prefix: &str, out: &Path, list: &mut String) -> io::Result<()> {
    let files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files: Vec<_> = files.collect::<io::Result<_>>()?;
    // The same files make the same program.
    files.sort();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if file.is_dir() {
            list_files(&file, &format!("{name}/"), out, list)?;
            continue;
        }
        let content = fs::read(&file)?;
        let brotli = smaller(&content, brotli(&content)?, &out.join(format!("{name}.br")))?;
        let gzip = smaller(&content, gzip(&content)?, &out.join(format!("{name}.gz")))?;
        let content = include(&file);
        let line = format!(
            "File {{ name: {name:?}, content: {content}, brotli: {brotli}, gzip: {gzip} }},\n"
        );
        list.push_str(&line);
    }
    Ok(())
}

/// Keeps what compression has made, if it was worth it: the expression that includes it.
fn smaller(content: &[u8], encoded: Vec<u8>, file: &Path) -> io::Result<String> {
    if encoded.len() >= content.len() {
        return Ok("None".to_owned());
    }
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    fs::write(file, encoded)?;
    Ok(format!("Some({})", include(file)))
}

fn include(file: &Path) -> String {
    format!("include_bytes!({:?})", file.to_string_lossy())
}

fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = CompressorWriter::new(Vec::new(), 4096, 11, 22);
    encoder.write_all(content)?;
    Ok(encoder.into_inner())
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}
