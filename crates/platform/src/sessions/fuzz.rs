use super::*;

#[test]
fn whatever_stands_in_place_of_a_session_it_is_one_or_none() {
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    fuzzing::bytes("session", move |json| {
        let Some(session) = read(json, now) else {
            return;
        };
        assert!(session.remaining(now) > TimeDelta::zero());
        // It is written back when it is used, and no release strips what another wrote.
        let written = serde_json::to_vec(&session).unwrap();
        assert_eq!(read(&written, now), Some(session));
    });
}
