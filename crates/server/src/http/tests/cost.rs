//! What an answer has cost the database, and who is told.

use sqlx::Executor as _;

use super::*;

fn page() -> Request<Body> {
    Request::get("/").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn in_development_an_answer_says_what_it_has_cost() {
    let platform = TestPlatform::start(&crate::migrations::all()).await;
    for in_development in [true, false] {
        let mut settings = Settings::for_tests();
        settings.site.in_development = in_development;
        let app = App::build(&settings, (*platform).clone()).unwrap();
        let response = router(app).oneshot(page()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let cost = response.headers().get("server-timing");
        let cost = cost.map_or("", |cost| cost.to_str().unwrap());
        assert_eq!(cost.starts_with("db;dur="), in_development, "{cost}");
        assert_eq!(
            cost.ends_with("desc=\"2 statements\""),
            in_development,
            "{cost}"
        );
    }
}

#[tokio::test]
#[should_panic(expected = "GET /: one request has sent a statement again and again")]
async fn a_loop_of_statements_fails_whichever_test_runs_it() {
    let platform = TestPlatform::start(&[]).await;
    let db = platform.db.clone();
    let looped = async move || {
        let mut connection = db.acquire().await.unwrap();
        for _ in 0..3 {
            connection.execute("SELECT 'one row'").await.unwrap();
        }
    };
    let routes = Router::new().route("/", get(looped));
    let looped = layered(routes, App::for_tests(&platform))
        .oneshot(page())
        .await;
    panic!("it was answered {:?}", looped.unwrap().status());
}
