//! Style sheets, scripts and pictures, under names that change with their content.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Path;

pub mod shared;

/// What `build.rs` lists: each file of the folder `assets`, and what it is compressed, where that is smaller.
static FILES: &[File] = &include!(concat!(env!("OUT_DIR"), "/assets.rs"));

struct File {
    name: &'static str,
    content: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// Computed once: the names carry the content's hash, so a browser may keep a file for ever and still sees every change.
static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::load);

/// A year, and never asked about again.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

struct Assets {
    /// `app.css` → `app.1f2e3d4c5b6a7988.css`
    hashed_names: HashMap<String, String>,
    by_hashed_name: HashMap<String, Asset>,
}

struct Asset {
    content_type: HeaderValue,
    etag: HeaderValue,
    file: &'static File,
}

impl Assets {
    fn load() -> Self {
        let mut assets = Self {
            hashed_names: HashMap::new(),
            by_hashed_name: HashMap::new(),
        };
        for file in FILES {
            let name = file.name;
            let hash = hex::encode(&Sha256::digest(file.content)[..8]);
            let hashed_name = match name.rsplit_once('.') {
                Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
                None => format!("{name}.{hash}"),
            };
            assets
                .hashed_names
                .insert(name.to_owned(), hashed_name.clone());
            let asset = Asset::new(file, &hash);
            assets.by_hashed_name.insert(hashed_name, asset);
        }
        assets
    }
}

impl Asset {
    fn new(file: &'static File, hash: &str) -> Self {
        let mime = mime_guess::from_path(file.name).first_or_octet_stream();
        let charset = if mime.type_() == "text" {
            "; charset=utf-8"
        } else {
            ""
        };
        Self {
            content_type: format!("{mime}{charset}")
                .parse()
                .unwrap_or(HeaderValue::from_static("application/octet-stream")),
            etag: format!("\"{hash}\"")
                .parse()
                .expect("hex in quotes is a header value"),
            file,
        }
    }

    fn encoded(&self, accepted: &str) -> (Option<&'static str>, Bytes) {
        for (encoding, encoded) in [("br", self.file.brotli), ("gzip", self.file.gzip)] {
            if let Some(encoded) = encoded
                && accepts(accepted, encoding)
            {
                return (Some(encoding), Bytes::from_static(encoded));
            }
        }
        (None, Bytes::from_static(self.file.content))
    }
}

/// The address of `name` with its content's hash in it.
///
/// A name that does not exist gives an address that answers 404; the test below keeps templates from naming one.
#[must_use]
pub fn address(name: &str) -> String {
    let hashed = ASSETS.hashed_names.get(name);
    format!("/assets/{}", hashed.map_or(name, String::as_str))
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/assets/{*name}", get(serve))
        // Browsers ask for these two by themselves, under these names.
        .route("/favicon.ico", get(async || well_known("favicon.svg")))
        .route("/robots.txt", get(async || well_known("robots.txt")))
}

async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Result {
    let asset = ASSETS.by_hashed_name.get(&name).ok_or(AppError::NotFound)?;
    let fixed = [
        (header::CACHE_CONTROL, IMMUTABLE),
        (header::ETAG, asset.etag.clone()),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if headers.get(header::IF_NONE_MATCH) == Some(&asset.etag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    // Not fuzzed: `accepts` is, which reads it.
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (encoding, content) = asset.encoded(accepted);
    let mut response = (fixed, content).into_response();
    let response_headers = response.headers_mut();
    response_headers.insert(header::CONTENT_TYPE, asset.content_type.clone());
    if let Some(encoding) = encoding {
        response_headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

fn well_known(name: &str) -> Response {
    let asset = ASSETS
        .hashed_names
        .get(name)
        .and_then(|hashed| ASSETS.by_hashed_name.get(hashed));
    let Some(asset) = asset else {
        return AppError::NotFound.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type.clone()),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=86400"),
        ),
    ];
    (headers, asset.file.content).into_response()
}

/// Whether an `Accept-Encoding` header names `encoding` without refusing it by a weight of zero.
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let refused = weight.trim().trim_start_matches("q=").parse() == Ok(0.0_f32);
        name.trim().eq_ignore_ascii_case(encoding) && !refused
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::path::Path as FilePath;

    use brotli::Decompressor;
    use flate2::read::GzDecoder;

    use super::*;

    fn templates(folder: &FilePath, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                templates(&path, found);
            } else {
                found.push(fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_asset_that_a_template_names_exists() {
        let mut found = Vec::new();
        templates(FilePath::new("templates"), &mut found);
        let names: Vec<&str> = found
            .iter()
            .flat_map(|template| template.split("asset(\"").skip(1))
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(names.contains(&"app.css"));
        for name in names {
            assert!(ASSETS.hashed_names.contains_key(name), "no asset {name}");
        }
    }

    #[test]
    fn an_address_carries_the_contents_hash() {
        let address = address("app.css");
        let hash = address
            .strip_prefix("/assets/app.")
            .and_then(|rest| rest.strip_suffix(".css"));
        let hash = hash.unwrap();
        assert!(
            hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{address}"
        );
    }

    #[test]
    fn a_compressed_asset_is_the_same_asset() {
        let mut files = FILES.iter();
        let style = files.find(|file| file.name == "app.css").unwrap();
        let (brotli, gzip) = (style.brotli.unwrap(), style.gzip.unwrap());
        assert!(brotli.len() < gzip.len() && gzip.len() < style.content.len() / 2);
        let mut content = Vec::new();
        Decompressor::new(brotli, 4096)
            .read_to_end(&mut content)
            .unwrap();
        assert_eq!(content, style.content);
        content.clear();
        GzDecoder::new(gzip).read_to_end(&mut content).unwrap();
        assert_eq!(content, style.content);
    }

    #[tokio::test]
    async fn an_asset_is_served_in_the_encoding_asked_for() {
        let name = ASSETS.hashed_names["app.css"].clone();
        for (asked, given) in [
            ("br, gzip", Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0, gzip;q=0.5", Some("gzip")),
            ("identity", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, asked.parse().unwrap())]);
            let response = serve(Path(name.clone()), headers).await.unwrap();
            let encoding = response.headers().get(header::CONTENT_ENCODING);
            assert_eq!(
                encoding.map(HeaderValue::as_bytes),
                given.map(str::as_bytes),
                "{asked}"
            );
            assert_eq!(response.headers()[header::CACHE_CONTROL], IMMUTABLE);
        }
    }

    #[tokio::test]
    async fn what_the_browser_has_is_not_sent_again() {
        let name = ASSETS.hashed_names["app.css"].clone();
        let etag = ASSETS.by_hashed_name[&name].etag.clone();
        let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, etag)]);
        let response = serve(Path(name), headers).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn no_encoding_is_accepted_that_was_not_named() {
        fuzzing::text("accept_encoding", |header| {
            for encoding in ["br", "gzip"] {
                if accepts(header, encoding) {
                    assert!(header.to_ascii_lowercase().contains(encoding));
                }
            }
        });
    }
}
