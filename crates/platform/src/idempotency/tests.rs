use chrono::TimeDelta;
use kernel::UserId;

use super::*;
use crate::testing::TestPlatform;

const LIFETIME: Duration = Duration::from_secs(15);

async fn start() -> (TestPlatform, Idempotency, Request) {
    let platform = TestPlatform::start(&[]).await;
    let idempotency = Idempotency::new(platform.db.clone(), platform.clock.clone(), LIFETIME);
    let request = Request {
        user_id: UserId::generate(&platform.clock, &platform.entropy),
        key: "key-1".into(),
        fingerprint: [1; 32],
    };
    (platform, idempotency, request)
}

fn answer() -> Answer {
    Answer {
        status: 201,
        content_type: Some("application/json".into()),
        location: Some("/orders/1".into()),
        set_cookie: Some("flash=x".into()),
        body: Bytes::from_static(b"{}"),
    }
}

fn first(claimed: Claimed) -> Claim {
    match claimed {
        Claimed::First(claim) => claim,
        other => panic!("expected the first claim, got {other:?}"),
    }
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer() {
    let (_platform, idempotency, request) = start().await;
    let claim = first(idempotency.claim(request.clone()).await.unwrap());
    idempotency.keep(&claim, &answer()).await.unwrap();
    let repeated = idempotency.claim(request).await.unwrap();
    assert!(matches!(repeated, Claimed::Answered(kept) if kept == answer()));
}

#[tokio::test]
async fn of_many_at_once_one_is_served() {
    let (_platform, idempotency, request) = start().await;
    let claims = (0..50).map(|_| idempotency.claim(request.clone()));
    let claims = futures::future::try_join_all(claims).await.unwrap();
    let served = claims
        .iter()
        .filter(|claim| matches!(claim, Claimed::First(_)));
    assert_eq!(served.count(), 1);
    let waiting = claims
        .iter()
        .filter(|claim| matches!(claim, Claimed::InProgress));
    assert_eq!(waiting.count(), 49);
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_account() {
    let (platform, idempotency, request) = start().await;
    let claim = first(idempotency.claim(request.clone()).await.unwrap());
    let other_request = Request {
        fingerprint: [2; 32],
        ..request.clone()
    };
    assert!(matches!(
        idempotency.claim(other_request).await.unwrap(),
        Claimed::OtherRequest
    ));
    let other_account = Request {
        user_id: UserId::generate(&platform.clock, &platform.entropy),
        ..request
    };
    let others = first(idempotency.claim(other_account).await.unwrap());
    idempotency.keep(&claim, &answer()).await.unwrap();
    idempotency.give_back(&others).await.unwrap();
}

#[tokio::test]
async fn what_was_given_back_can_be_tried_again() {
    let (_platform, idempotency, request) = start().await;
    let claim = first(idempotency.claim(request.clone()).await.unwrap());
    idempotency.give_back(&claim).await.unwrap();
    let claimed = idempotency.claim(request).await.unwrap();
    assert!(matches!(claimed, Claimed::First(_)));
}

#[tokio::test]
async fn a_claim_whose_process_died_runs_out_and_cannot_answer_any_more() {
    let (platform, idempotency, request) = start().await;
    let lost = first(idempotency.claim(request.clone()).await.unwrap());
    platform
        .clock
        .advance(TimeDelta::from_std(LIFETIME).unwrap());
    let second = first(idempotency.claim(request.clone()).await.unwrap());
    let kept = idempotency.keep(&lost, &answer()).await;
    assert!(matches!(kept, Err(KeepError::ClaimLost)));
    let repeated = idempotency.claim(request.clone()).await.unwrap();
    assert!(matches!(repeated, Claimed::InProgress));
    idempotency.keep(&second, &answer()).await.unwrap();
    let repeated = idempotency.claim(request).await.unwrap();
    assert!(matches!(repeated, Claimed::Answered(_)));
}

#[tokio::test]
async fn old_keys_are_deleted() {
    let (platform, idempotency, request) = start().await;
    let claim = first(idempotency.claim(request.clone()).await.unwrap());
    idempotency.keep(&claim, &answer()).await.unwrap();
    let now = platform.clock.now();
    let mut tx = platform.db.begin().await.unwrap();
    assert_eq!(idempotency.purge(&mut tx, now).await.unwrap(), 0);
    let later = now + TimeDelta::seconds(1);
    assert_eq!(idempotency.purge(&mut tx, later).await.unwrap(), 1);
}

#[tokio::test]
async fn an_answer_is_there_if_and_only_if_its_transaction_committed() {
    let (platform, idempotency, request) = start().await;
    let claim = first(idempotency.claim(request.clone()).await.unwrap());
    let mut dies = platform.db.begin().await.unwrap();
    idempotency
        .keep_in_tx(&mut dies, &claim, &answer())
        .await
        .unwrap();
    dies.rollback().await.unwrap();
    let repeated = idempotency.claim(request.clone()).await.unwrap();
    assert!(matches!(repeated, Claimed::InProgress));

    let mut commits = platform.db.begin().await.unwrap();
    idempotency
        .keep_in_tx(&mut commits, &claim, &answer())
        .await
        .unwrap();
    commits.commit().await.unwrap();
    let repeated = idempotency.claim(request).await.unwrap();
    assert!(matches!(repeated, Claimed::Answered(kept) if kept == answer()));
}

#[tokio::test]
async fn giving_back_waits_for_the_commit_and_leaves_an_answer_alone() {
    let (platform, idempotency, request) = start().await;
    let claim = first(idempotency.claim(request.clone()).await.unwrap());
    let mut tx = platform.db.begin().await.unwrap();
    idempotency
        .keep_in_tx(&mut tx, &claim, &answer())
        .await
        .unwrap();
    // Whoever gives back cannot see yet how the transaction will end.
    let (given_back, committed) = tokio::join!(idempotency.give_back(&claim), async {
        tokio::task::yield_now().await;
        tx.commit().await
    });
    given_back.unwrap();
    committed.unwrap();
    let repeated = idempotency.claim(request).await.unwrap();
    assert!(matches!(repeated, Claimed::Answered(_)));
}
