use serde_json::json;

use super::*;
use crate::testing;

struct Fixture {
    sessions: Sessions,
    redis: Redis,
    clock: Clock,
    user_id: UserId,
}

fn fixture() -> Fixture {
    let redis = testing::redis();
    let clock = Clock::fixed(testing::start_of_time());
    let entropy = Entropy::seeded(1);
    Fixture {
        sessions: Sessions::new(redis.clone(), clock.clone(), entropy.clone()),
        redis,
        user_id: UserId::generate(&clock, &entropy),
        clock,
    }
}

impl Fixture {
    async fn sign_in(&self, limits: SessionLimits) -> (Token, SessionId) {
        let new = NewSession {
            user_id: self.user_id,
            generation: 1,
            limits,
            user_agent: "Firefox".into(),
            network: "192.0.2.0/24".into(),
        };
        self.sessions.create(new).await.unwrap()
    }

    async fn is_alive(&self, token: &Token) -> bool {
        self.sessions.find(token).await.unwrap().is_some()
    }

    async fn keys(&self) -> Vec<String> {
        let pattern = self.redis.key("*", "*");
        self.redis.query(cmd("KEYS").arg(pattern)).await.unwrap()
    }
}

#[tokio::test]
async fn a_token_finds_the_session_it_was_made_for() {
    let f = fixture();
    let (token, id) = f.sign_in(SessionLimits::CUSTOMER).await;
    let session = f.sessions.find(&token).await.unwrap().unwrap();
    assert_eq!(session.id, id);
    assert_eq!(session.user_id, f.user_id);
    assert_eq!(session.generation, 1);
    assert_eq!(session.user_agent, "Firefox");
    assert_eq!(session.signed_in_at, f.clock.now());

    let guess = Token::generate(&Entropy::system());
    assert!(!f.is_alive(&guess).await);
}

#[tokio::test]
async fn redis_never_sees_the_token() {
    let f = fixture();
    let (token, _) = f.sign_in(SessionLimits::CUSTOMER).await;
    let keys = f.keys().await;
    assert_eq!(keys.len(), 2);
    for key in keys {
        let dump: Vec<u8> = f.redis.query(cmd("DUMP").arg(&key)).await.unwrap();
        let everything = key + &String::from_utf8_lossy(&dump);
        assert!(!everything.contains(&token.reveal()));
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_too_long() {
    for limits in [SessionLimits::CUSTOMER, SessionLimits::STAFF] {
        let f = fixture();
        let (token, _) = f.sign_in(limits).await;
        for _ in 0..3 {
            f.clock.advance(limits.idle - TimeDelta::seconds(1));
            assert!(
                f.is_alive(&token).await,
                "each use starts the idle time anew"
            );
        }
        f.clock.advance(limits.idle);
        assert!(!f.is_alive(&token).await);
    }
}

#[tokio::test]
async fn a_session_ends_at_its_absolute_limit_however_much_it_is_used() {
    for limits in [SessionLimits::CUSTOMER, SessionLimits::STAFF] {
        let f = fixture();
        let (token, _) = f.sign_in(limits).await;
        let step = limits.idle / 2;
        while f.clock.now() + step < testing::start_of_time() + limits.absolute {
            f.clock.advance(step);
            assert!(f.is_alive(&token).await);
        }
        f.clock.advance(step);
        assert!(!f.is_alive(&token).await);
        assert!(f.sessions.list(f.user_id).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn redis_drops_a_session_by_itself() {
    let f = fixture();
    let (token, _) = f.sign_in(SessionLimits::STAFF).await;
    let key = f.sessions.session_key(token.hash());
    let ttl: i64 = f.redis.query(cmd("TTL").arg(&key)).await.unwrap();
    assert!((1_790..=1_800).contains(&ttl), "{ttl}");

    // Near the absolute limit there is less left than the idle time.
    f.clock.advance(TimeDelta::minutes(25));
    assert!(f.is_alive(&token).await);
    for _ in 0..23 {
        f.clock.advance(TimeDelta::minutes(29));
        assert!(f.is_alive(&token).await);
    }
    let ttl: i64 = f.redis.query(cmd("TTL").arg(&key)).await.unwrap();
    assert!((1_670..=1_680).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn one_session_ends_and_the_others_stay() {
    let f = fixture();
    let (here, _) = f.sign_in(SessionLimits::CUSTOMER).await;
    let (there, there_id) = f.sign_in(SessionLimits::CUSTOMER).await;
    assert!(f.sessions.end(f.user_id, there_id).await.unwrap());
    assert!(!f.is_alive(&there).await);
    assert!(f.is_alive(&here).await);
    assert!(!f.sessions.end(f.user_id, there_id).await.unwrap());
}

#[tokio::test]
async fn nobody_ends_the_session_of_another() {
    let f = fixture();
    let (token, id) = f.sign_in(SessionLimits::CUSTOMER).await;
    let eve = UserId::generate(&f.clock, &Entropy::system());
    assert!(!f.sessions.end(eve, id).await.unwrap());
    assert_eq!(f.sessions.end_all(eve, None).await.unwrap(), 0);
    assert!(f.is_alive(&token).await);
}

#[tokio::test]
async fn all_others_end_at_once() {
    let f = fixture();
    let (here, here_id) = f.sign_in(SessionLimits::CUSTOMER).await;
    let (one, _) = f.sign_in(SessionLimits::CUSTOMER).await;
    let (two, _) = f.sign_in(SessionLimits::CUSTOMER).await;
    let ended = f.sessions.end_all(f.user_id, Some(here_id)).await.unwrap();
    assert_eq!(ended, 2);
    assert!(f.is_alive(&here).await);
    assert!(!f.is_alive(&one).await);
    assert!(!f.is_alive(&two).await);
}

#[tokio::test]
async fn the_list_shows_the_session_used_last_first() {
    let f = fixture();
    let (first, first_id) = f.sign_in(SessionLimits::CUSTOMER).await;
    f.clock.advance(TimeDelta::minutes(5));
    let (_, second_id) = f.sign_in(SessionLimits::CUSTOMER).await;
    f.clock.advance(TimeDelta::minutes(5));
    f.sessions.find(&first).await.unwrap();
    let listed = f.sessions.list(f.user_id).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|session| session.id).collect();
    assert_eq!(ids, [first_id, second_id]);
    assert_eq!(listed[0].last_seen_at, f.clock.now());
}

#[tokio::test]
async fn a_rotated_session_keeps_its_id_and_its_age_under_a_new_token() {
    let f = fixture();
    let (old, id) = f.sign_in(SessionLimits::CUSTOMER).await;
    let began = f.clock.now();
    f.clock.advance(TimeDelta::days(1));
    let new = f.sessions.rotate(&old, 2).await.unwrap().unwrap();
    assert!(!f.is_alive(&old).await);
    let session = f.sessions.find(&new).await.unwrap().unwrap();
    assert_eq!((session.id, session.generation), (id, 2));
    assert_eq!(session.created_at, began);
    assert_eq!(f.sessions.list(f.user_id).await.unwrap().len(), 1);
    assert!(f.sessions.rotate(&old, 3).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_ended_during_a_request_stays_ended() {
    let f = fixture();
    let (token, id) = f.sign_in(SessionLimits::CUSTOMER).await;
    let session = f.sessions.find(&token).await.unwrap().unwrap();
    f.sessions.end(f.user_id, id).await.unwrap();
    let key = f.sessions.session_key(token.hash());
    f.sessions.write(&key, &session, "XX").await.unwrap();
    assert!(!f.is_alive(&token).await);
}

/// The value as this release writes it. Should it change, the previous release must still be able to read it.
#[test]
fn the_format_is_the_one_that_the_previous_release_reads() {
    let written = json!({
        "id": "019b8e2b-1800-7000-8000-000000000001",
        "user_id": "019b8e2b-1800-7000-8000-000000000002",
        "generation": 3,
        "created_at": "2026-01-05T12:00:00Z",
        "last_seen_at": "2026-01-05T12:00:00Z",
        "signed_in_at": "2026-01-05T12:00:00Z",
        "user_agent": "Firefox",
        "network": "192.0.2.0/24",
        "limits": { "absolute": 2_592_000, "idle": 604_800 },
    });
    let session: Session = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(session.limits, SessionLimits::CUSTOMER);
    assert_eq!(serde_json::to_value(&session).unwrap(), written);
}

#[tokio::test]
async fn what_a_newer_release_added_survives_a_visit_to_the_older_one() {
    let f = fixture();
    let (token, _) = f.sign_in(SessionLimits::CUSTOMER).await;
    let key = f.sessions.session_key(token.hash());
    let json: String = f.redis.query(cmd("GET").arg(&key)).await.unwrap();
    let newer = json.replacen('{', r#"{"second_factor":"totp","#, 1);
    let () = f
        .redis
        .query(cmd("SET").arg(&key).arg(newer).arg("KEEPTTL"))
        .await
        .unwrap();

    f.clock.advance(TimeDelta::hours(1));
    assert!(f.is_alive(&token).await);
    let json: String = f.redis.query(cmd("GET").arg(&key)).await.unwrap();
    assert!(json.contains(r#""second_factor":"totp""#), "{json}");
    assert!(json.contains("13:00:00"), "it was written again: {json}");
}

#[tokio::test]
async fn what_cannot_be_read_is_no_session() {
    let f = fixture();
    let (token, _) = f.sign_in(SessionLimits::CUSTOMER).await;
    let key = f.sessions.session_key(token.hash());
    let () = f
        .redis
        .query(cmd("SET").arg(&key).arg("{\"id\":7}"))
        .await
        .unwrap();
    assert!(!f.is_alive(&token).await);
    assert!(f.sessions.list(f.user_id).await.unwrap().is_empty());
}

#[tokio::test]
async fn whatever_stands_in_place_of_sessions_and_index_people_can_sign_in() {
    let f = fixture();
    let poisons: [&[&[u8]]; 4] = [
        &[b"SET", b"\xff\xfe"],
        &[b"LPUSH", b"x"],
        &[b"HSET", b"x", b"y"],
        &[b"ZADD", b"1", b"\xff\xfe"],
    ];
    for poison in poisons {
        let (token, id) = f.sign_in(SessionLimits::CUSTOMER).await;
        for key in f.keys().await {
            let mut command = redis::Cmd::new();
            command.arg(poison[0]).arg(&key).arg(&poison[1..]);
            let () = f.redis.query(cmd("DEL").arg(&key)).await.unwrap();
            let () = f.redis.query(&command).await.unwrap();
        }
        assert!(!f.is_alive(&token).await, "{poison:?}");
        assert!(f.sessions.list(f.user_id).await.unwrap().is_empty());
        assert!(!f.sessions.end(f.user_id, id).await.unwrap());

        let (token, id) = f.sign_in(SessionLimits::CUSTOMER).await;
        assert!(f.is_alive(&token).await, "{poison:?}");
        assert!(f.sessions.end(f.user_id, id).await.unwrap(), "{poison:?}");
        assert!(!f.is_alive(&token).await, "{poison:?}");
    }
}

#[tokio::test]
async fn losing_redis_signs_people_out_and_nothing_worse() {
    let f = fixture();
    let (token, _) = f.sign_in(SessionLimits::CUSTOMER).await;
    for key in f.keys().await {
        let () = f.redis.query(cmd("DEL").arg(key)).await.unwrap();
    }
    assert!(!f.is_alive(&token).await);
    let (token, _) = f.sign_in(SessionLimits::CUSTOMER).await;
    assert!(f.is_alive(&token).await);
}
