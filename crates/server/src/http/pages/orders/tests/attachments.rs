use orders::testing::{A_PDF, A_PNG};
use serde_json::{Value, json};

use super::*;

const ORDER: &str = "/orders/100001";
const FILES: &str = "/orders/100001/attachments";
const UPLOADS: &str = "/orders/100001/attachments/uploads";

impl Browser {
    /// A browser whose person has just placed the first order.
    async fn with_an_order() -> Self {
        let mut browser = Self::open().await;
        browser.sign_in();
        browser.post("/cart/lines", &MUG).await;
        assert_eq!(browser.check_out(&[]).await.location, ORDER);
        browser
    }

    /// Sends the form as a browser does that runs no scripts.
    async fn attach(&mut self, filename: &str, file: &[u8]) -> Answer {
        let head =
            format!("--x\r\nContent-Disposition: form-data; name=\"file\"; {filename}\r\n\r\n");
        let body = [head.as_bytes(), file, b"\r\n--x--\r\n"].concat();
        let kind = "multipart/form-data; boundary=x";
        self.post_body(FILES, kind, body).await
    }

    /// Asks where to put a file, as the script does.
    async fn start(&mut self, name: &str, content_type: &str) -> (StatusCode, Value) {
        let body = json!({ "name": name, "content_type": content_type }).to_string();
        let answer = self.post_body(UPLOADS, "application/json", body).await;
        let body = serde_json::from_str(&answer.text).unwrap_or_default();
        (answer.status, body)
    }

    /// Puts a file where the script was told to, and says so.
    async fn put_and_finish(&mut self, started: &Value, file: &'static [u8]) -> Answer {
        let put = Request::put(started["url"].as_str().unwrap()).header(
            header::CONTENT_TYPE,
            started["headers"]["content-type"].as_str().unwrap(),
        );
        let put = self.send(put.body(Body::from(file)).unwrap()).await;
        assert_eq!(put.status, StatusCode::CREATED, "{}", put.text);
        let finish = format!("{UPLOADS}/{}/finish", started["id"].as_str().unwrap());
        self.post_body(&finish, "application/json", "{}").await
    }

    /// Where the page of the order says that its first file is.
    async fn first_file(&mut self) -> String {
        let page = self.get(ORDER).await.text;
        let (_, rest) = page
            .split_once(&format!("href=\"{FILES}/"))
            .expect("a file");
        format!("{FILES}/{}", rest.split('"').next().unwrap())
    }
}

#[tokio::test]
async fn a_file_is_attached_saved_and_removed_without_javascript() {
    let mut browser = Browser::with_an_order().await;
    let page = browser.get(ORDER).await.text;
    assert!(
        page.contains("Nothing is attached to this order."),
        "{page}"
    );

    let attached = browser.attach("filename=\"box.png\"", A_PNG).await;
    assert_eq!(attached.location, ORDER, "{}", attached.text);
    let page = browser.get(ORDER).await.text;
    assert!(page.contains(">box.png</a>"), "{page}");

    let file = browser.first_file().await;
    let address = browser.get(&file).await.location;
    let request = Request::get(&address).body(Body::empty()).unwrap();
    let saved = browser.router.clone().oneshot(request).await.unwrap();
    let headers = saved.headers();
    assert_eq!(headers[header::CONTENT_TYPE], "image/png");
    let disposition = "attachment; filename=\"box.png\"";
    assert_eq!(headers[header::CONTENT_DISPOSITION], disposition);
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(to_bytes(saved.into_body(), 100).await.unwrap(), A_PNG);

    // A second click on "Remove" finds the order as the first has left it.
    for _ in 0..2 {
        let removed = browser.post(&format!("{file}/remove"), &[]).await;
        assert_eq!(removed.location, ORDER);
    }
    let page = browser.get(ORDER).await.text;
    assert!(
        page.contains("Nothing is attached to this order."),
        "{page}"
    );
    assert_eq!(browser.get(&file).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_that_is_not_taken_is_refused_beside_its_field() {
    let mut browser = Browser::with_an_order().await;
    let large = [A_PNG, &vec![0; 10 * 1024 * 1024]].concat();
    let larger = [&large[..], &large, &large].concat();
    for (file, message) in [
        (&b"<svg/>"[..], "Choose a file in the format"),
        (b"", "Choose a file."),
        (&large, "Choose a file of at most 10 MiB."),
        (&larger, "Choose a file of at most 10 MiB."),
    ] {
        let page = browser.attach("filename=\"box.png\"", file).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{message}");
        assert!(page.text.contains("id=\"file-error\""), "{message}");
        assert!(page.text.contains(message), "{message}: {}", page.text);
    }
    let page = browser.post(FILES, &[("file", "box.png")]).await;
    assert_eq!(page.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn whatever_a_file_is_called_its_name_is_shown_as_plain_text() {
    let mut browser = Browser::with_an_order().await;
    for filename in [
        "filename*=UTF-8''..%2F..%2Fa%00b%0D%0A%3Cscript%3E.png",
        "filename=\"C:\\\\b<script>.png\"",
    ] {
        let attached = browser.attach(filename, A_PNG).await;
        assert_eq!(attached.location, ORDER, "{filename}: {}", attached.text);
    }
    let page = browser.get(ORDER).await.text;
    assert!(page.contains("b&#60;script&#62;.png"), "{page}");
    assert!(!page.contains("b<script>"), "{page}");
    assert!(!page.contains('\0'), "{page}");
}

#[tokio::test]
async fn a_script_sends_a_file_straight_to_storage() {
    let mut browser = Browser::with_an_order().await;
    let (status, started) = browser.start("a\0b.png", "image/png").await;
    assert_eq!(status, StatusCode::OK);
    let finished = browser.put_and_finish(&started, A_PNG).await;
    assert_eq!(finished.status, StatusCode::NO_CONTENT, "{}", finished.text);
    let page = browser.get(ORDER).await.text;
    assert!(page.contains(">ab.png</a>"), "{page}");

    let (status, refused) = browser.start("page.html", "text/html").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("JPEG, PNG, WebP or PDF"), "{message}");

    let (_, started) = browser.start("lie.png", "image/png").await;
    let lie = browser.put_and_finish(&started, A_PDF).await;
    assert_eq!(lie.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        lie.text.contains("but it is application/pdf"),
        "{}",
        lie.text
    );
    assert!(!browser.get(ORDER).await.text.contains("lie.png"));
}

#[tokio::test]
async fn a_full_or_cancelled_order_says_why_it_takes_no_file_and_offers_no_form() {
    let mut browser = Browser::with_an_order().await;
    for _ in 0..10 {
        browser.attach("filename=\"x.png\"", A_PNG).await;
    }
    let eleventh = browser.attach("filename=\"x.png\"", A_PNG).await;
    assert_eq!(eleventh.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(eleventh.text.contains("This order has ten files"));
    let (_, refused) = browser.start("x.png", "image/png").await;
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("This order has ten files"), "{message}");
    assert!(!browser.get(ORDER).await.text.contains("name=\"file\""));

    let file = browser.first_file().await;
    browser.post(&format!("{file}/remove"), &[]).await;
    assert!(browser.get(ORDER).await.text.contains("name=\"file\""));
    browser.post(&format!("{ORDER}/cancel"), &[]).await;
    let late = browser.attach("filename=\"x.png\"", A_PNG).await;
    assert!(
        late.text
            .contains("This order is cancelled, and takes no more files.")
    );
    assert!(!browser.get(ORDER).await.text.contains("name=\"file\""));
}

#[tokio::test]
async fn files_of_somebody_elses_order_are_not_found() {
    let mut browser = Browser::with_an_order().await;
    let ann = browser.user;
    browser.attach("filename=\"x.png\"", A_PNG).await;
    let file = browser.first_file().await;
    let (_, started) = browser.start("y.png", "image/png").await;

    browser.sign_in();
    let saved = browser.get(&file).await;
    assert_eq!(saved.status, StatusCode::NOT_FOUND);
    let attached = browser.attach("filename=\"z.png\"", A_PNG).await;
    assert_eq!(attached.status, StatusCode::NOT_FOUND);
    let (status, _) = browser.start("z.png", "image/png").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let finished = browser.put_and_finish(&started, A_PNG).await;
    assert_eq!(finished.status, StatusCode::NOT_FOUND);
    browser.post(&format!("{file}/remove"), &[]).await;

    browser.user = ann;
    let page = browser.get(ORDER).await.text;
    assert!(page.contains(">x.png</a>"), "{page}");
    assert!(!page.contains("y.png") && !page.contains("z.png"), "{page}");
}
