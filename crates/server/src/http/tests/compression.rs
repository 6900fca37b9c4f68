//! What is sent is compressed for those who can read it, and for nobody else.

use super::*;

/// The first two bytes of everything that is compressed with gzip (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

const PATHS: [&str; 4] = [
    "/sign-in",
    "/nowhere",
    "/api/v1/openapi.json",
    "/api/v1/nowhere",
];

impl Server {
    async fn get_as(&self, path: &str, accepts: Option<&str>) -> Answer {
        let mut request = Request::get(path);
        if let Some(accepts) = accepts {
            request = request.header(header::ACCEPT_ENCODING, accepts);
        }
        let request = request.body(Body::empty()).unwrap();
        Answer::read(self.router.clone().oneshot(request).await.unwrap()).await
    }
}

#[tokio::test]
async fn pages_and_answers_of_the_api_are_compressed_for_those_who_accept_it() {
    let server = Server::start().await;
    for path in PATHS {
        let plain = server.get_as(path, None).await;
        let small = server.get_as(path, Some("gzip")).await;
        assert_eq!(small.header(header::CONTENT_ENCODING), "gzip", "{path}");
        assert!(
            small.header(header::VARY).contains("accept-encoding"),
            "{path}"
        );
        assert_eq!(small.body[..2], GZIP, "{path}");
        assert!(small.body.len() < plain.body.len(), "{path}");
        // As browsers ask.
        let small = server.get_as(path, Some("gzip, br")).await;
        assert_eq!(small.header(header::CONTENT_ENCODING), "gzip", "{path}");
    }
}

#[tokio::test]
async fn who_accepts_no_compression_gets_plain_text() {
    let server = Server::start().await;
    for path in PATHS {
        for accepts in [
            None,
            Some("identity"),
            Some("gzip;q=0, br;q=0"),
            Some("compress"),
        ] {
            let answer = server.get_as(path, accepts).await;
            assert_eq!(
                answer.header(header::CONTENT_ENCODING),
                "",
                "{path} {accepts:?}"
            );
            assert!(matches!(answer.body[0], b'<' | b'{'), "{path} {accepts:?}");
        }
    }
}
