use super::tests::{issued, now, subject, tokens};

#[test]
fn nobody_but_us_says_who_somebody_is() {
    let tokens = tokens();
    let ours = issued(&tokens);
    fuzzing::text("access_token", move |text| {
        // The test makes a token of ours, so the corpus names its parts.
        let names = ["HEADER", "CLAIMS", "SIGNATURE"];
        let token = names
            .into_iter()
            .zip(ours.split('.'))
            .fold(text.to_owned(), |token, (name, part)| {
                token.replace(name, part)
            });
        // Whatever is believed was said by ours.
        if let Ok(claims) = tokens.verify(&token, now()) {
            assert_eq!(claims, subject());
        }
    });
}
