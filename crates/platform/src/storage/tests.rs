use chrono::TimeDelta;
use kernel::Entropy;

use super::*;
use crate::outbound::user_agent;
use crate::testing;

const MINUTE: Duration = Duration::from_mins(1);

fn connect(url: &str, clock: Clock) -> anyhow::Result<Storage> {
    let settings = StorageSettings {
        url: url.parse().unwrap(),
        access_key_id: None,
        secret_access_key: None,
        public_url: "https://shop.example".parse().unwrap(),
        signing_key: "0123456789abcdef0123456789abcdef".into(),
    };
    Storage::connect(
        &settings,
        &Outbound::new(Entropy::seeded(1), user_agent("shop", "1")),
        clock,
    )
}

pub(super) fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

/// The same for every backend; the bucket's turn comes in `s3_tests`.
pub(super) async fn behaves_like_storage(storage: &Storage) {
    let (one, two) = (key("invoices/1.pdf"), key("invoices/2026/2.pdf"));
    assert_eq!(storage.get(&one, 10).await.unwrap(), None);
    assert_eq!(storage.head(&one).await.unwrap(), None);
    storage.delete(&one).await.unwrap();

    let put = |key, bytes: &'static str| storage.put(key, "application/pdf", bytes.into());
    put(&one, "first").await.unwrap();
    put(&one, "again").await.unwrap();
    put(&two, "second").await.unwrap();
    let found = storage.get(&one, 5).await.unwrap().unwrap();
    assert_eq!(found.bytes, "again");
    assert_eq!(found.content_type, "application/pdf");
    let meta = storage.head(&two).await.unwrap().unwrap();
    assert_eq!(meta.size, 6);
    assert_eq!(meta.content_type, "application/pdf");
    assert!(matches!(
        storage.get(&two, 5).await,
        Err(StorageError::TooLarge { max: 5 })
    ));

    storage
        .put(&key("avatars/a"), "image/png", "x".into())
        .await
        .unwrap();
    assert_eq!(storage.list("invoices").await.unwrap(), [one.clone(), two]);
    assert_eq!(storage.list("").await.unwrap().len(), 3);
    storage.delete(&one).await.unwrap();
    assert_eq!(storage.get(&one, 10).await.unwrap(), None);
    assert_eq!(storage.list("invoices").await.unwrap().len(), 1);
}

#[tokio::test]
async fn memory_behaves_like_storage() {
    let storage = connect("memory:", Clock::system()).unwrap();
    behaves_like_storage(&storage).await;
}

#[tokio::test]
async fn a_folder_behaves_like_storage_and_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/not/yet/there", folder.path().display());
    behaves_like_storage(&connect(&url, Clock::system()).unwrap()).await;

    let reopened = connect(&url, Clock::system()).unwrap();
    let found = reopened.get(&key("avatars/a"), 10).await.unwrap().unwrap();
    assert_eq!(found.content_type, "image/png");
    for deleted in ["objects/invoices/1.pdf", "types/invoices/1.pdf"] {
        let path = folder.path().join("not/yet/there").join(deleted);
        assert!(!path.exists(), "{path:?}");
        assert!(path.with_file_name("2026").exists());
    }
}

#[tokio::test]
async fn a_signed_address_permits_what_it_was_signed_for_and_nothing_else() {
    let storage = connect("memory:", Clock::system()).unwrap();
    let upload = storage
        .presign_put(&key("avatars/a.png"), "image/png", 1_000, MINUTE)
        .await
        .unwrap();
    let url = &upload.url;
    assert!(
        url.as_str()
            .starts_with("https://shop.example/files/avatars/a.png?")
    );
    assert_eq!(
        upload.headers,
        [("content-type".into(), "image/png".into())]
    );
    let query = url.query().unwrap();
    let permitted = SignedRequest::Put {
        key: key("avatars/a.png"),
        content_type: "image/png".into(),
        max_bytes: 1_000,
    };
    assert_eq!(
        storage.verify_signed(&Method::PUT, "avatars/a.png", query),
        Ok(permitted)
    );

    let forged = Err(InvalidSignedUrl::Forged);
    let verify = |method, key: &str, query: &str| storage.verify_signed(&method, key, query);
    assert_eq!(verify(Method::GET, "avatars/a.png", query), forged);
    assert_eq!(verify(Method::PUT, "avatars/b.png", query), forged);
    assert_eq!(verify(Method::PUT, "avatars/a.png", ""), forged);
    for length in [
        query.find("&signature=").unwrap() + 11,
        query.len() - 40,
        query.len() - 1,
    ] {
        assert_eq!(
            verify(Method::PUT, "avatars/a.png", &query[..length]),
            forged
        );
    }
    for (from, to) in [
        ("max=1000", "max=9999"),
        ("image%2Fpng", "text%2Fhtml"),
        ("expires=", "expires=9"),
        ("expires=", "max=9999&expires="),
        ("&signature=", "&max=9999&signature="),
        ("&signature=", "&signature=A"),
    ] {
        let altered = query.replacen(from, to, 1);
        assert_ne!(altered, query, "{from} is in {query}");
        assert_eq!(
            verify(Method::PUT, "avatars/a.png", &altered),
            forged,
            "{altered}"
        );
    }
}

#[tokio::test]
async fn an_address_signed_with_another_secret_is_forged() {
    let ours = connect("memory:", Clock::system()).unwrap();
    let settings = StorageSettings {
        url: "memory:".parse().unwrap(),
        access_key_id: None,
        secret_access_key: None,
        public_url: "https://shop.example".parse().unwrap(),
        signing_key: "fedcba9876543210fedcba9876543210".into(),
    };
    let theirs = Storage::connect(
        &settings,
        &Outbound::new(Entropy::seeded(1), user_agent("shop", "1")),
        Clock::system(),
    )
    .unwrap();
    let url = theirs.presign_get(&key("a"), MINUTE, None).await.unwrap();
    assert_eq!(
        ours.verify_signed(&Method::GET, "a", url.query().unwrap()),
        Err(InvalidSignedUrl::Forged)
    );
}

#[tokio::test]
async fn a_signed_address_expires() {
    let clock = Clock::fixed(testing::start_of_time());
    let storage = connect("memory:", clock.clone()).unwrap();
    let url = storage.presign_get(&key("a"), MINUTE, None).await.unwrap();
    let verify = || storage.verify_signed(&Method::HEAD, "a", url.query().unwrap());
    clock.advance(TimeDelta::seconds(59));
    assert!(verify().is_ok());
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(verify(), Err(InvalidSignedUrl::Expired));
}

#[tokio::test]
async fn a_download_name_cannot_break_out_of_its_header() {
    let storage = connect("memory:", Clock::system()).unwrap();
    for (name, disposition) in [
        (
            "Invoice 1\"; x=\r\nSet-Cookie: a.pdf",
            "attachment; filename=\"Invoice 1__ x___Set-Cookie_ a.pdf\"",
        ),
        (
            "Größe\"; x=\n.png",
            "attachment; filename=\"Gr__e__ x__.png\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%22%3B%20x%3D%0A.png",
        ),
    ] {
        let key = key("a");
        let url = storage.presign_get(&key, MINUTE, Some(name)).await.unwrap();
        let permitted = storage.verify_signed(&Method::GET, "a", url.query().unwrap());
        assert_eq!(
            permitted,
            Ok(SignedRequest::Get {
                key,
                content_disposition: Some(disposition.into()),
            })
        );
    }
}

#[tokio::test]
async fn settings_that_name_no_place_are_refused() {
    for url in [
        "ftp://example.com/",
        "s3://",
        "s3://bucket?region=eu-central-1",
        "file://host/x",
    ] {
        assert!(connect(url, Clock::system()).is_err(), "{url}");
    }
}
