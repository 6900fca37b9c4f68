use super::tests::{issued, now, subject, tokens};

#[test]
fn nobody_but_us_says_who_somebody_is() {
    let tokens = tokens();
    fuzzing::text("access_token", move |text| {
        // The corpus holds one token of ours. Whatever is read was read from it.
        if let Ok(claims) = tokens.verify(text, now()) {
            assert_eq!(claims, subject());
        }
    });
}

#[test]
fn the_corpus_holds_a_token_that_is_good() {
    let good = include_str!("../../corpus/access_token/good");
    assert_eq!(good, issued(&tokens()));
}
