//! The letters that the module writes. All look alike, so their words stand here, once for text and HTML.

use anyhow::Context as _;
use askama::Template;
use kernel::{EmailAddress, Token};
use platform::mail::{Letter, Letterhead};
use url::Url;

/// Whom a letter is for.
pub(crate) struct Recipient<'a> {
    pub(crate) email: &'a EmailAddress,
    pub(crate) name: &'a str,
}

/// What a letter says.
struct Copy {
    subject: &'static str,
    paragraphs: &'static [&'static str],
    button: Option<Button>,
}

/// Where a letter leads.
struct Button {
    label: &'static str,
    link: Url,
}

#[derive(Template)]
#[template(path = "emails/letter.txt")]
struct LetterText<'a> {
    letterhead: &'a Letterhead,
    name: &'a str,
    copy: &'a Copy,
}

#[derive(Template)]
#[template(path = "emails/letter.html")]
struct LetterHtml<'a> {
    letterhead: &'a Letterhead,
    name: &'a str,
    copy: &'a Copy,
}

/// Carries the link that verifies an address.
pub(crate) fn verification(
    letterhead: &Letterhead,
    to: &Recipient<'_>,
    token: &Token,
) -> anyhow::Result<Letter> {
    let copy = Copy {
        subject: "Confirm your e-mail address",
        paragraphs: &[
            "please confirm that this is your e-mail address. The link works once, for 24 hours.",
            "If you have not signed up, ignore this mail.",
        ],
        button: Some(Button {
            label: "Confirm my address",
            link: link_with(letterhead, "verify-email", token)?,
        }),
    };
    write(letterhead, to, &copy)
}

/// Tells the owner of an account that its address was given once more.
pub(crate) fn already_registered(
    letterhead: &Letterhead,
    to: &Recipient<'_>,
) -> anyhow::Result<Letter> {
    let copy = Copy {
        subject: "You already have an account",
        paragraphs: &[
            "somebody has just entered your e-mail address for an account. You have one already, and it is unchanged.",
            "If that was you, sign in; you can set a new password if you have forgotten yours. If not, ignore this mail.",
        ],
        button: Some(Button {
            label: "Sign in",
            link: link_to(letterhead, "sign-in")?,
        }),
    };
    write(letterhead, to, &copy)
}

/// Carries the link that sets a new password.
pub(crate) fn password_reset(
    letterhead: &Letterhead,
    to: &Recipient<'_>,
    token: &Token,
) -> anyhow::Result<Letter> {
    let copy = Copy {
        subject: "Set a new password",
        paragraphs: &[
            "somebody has asked for a new password for your account. The link works once, for 15 minutes.",
            "If that was not you, ignore this mail: your password stays as it is.",
        ],
        button: Some(Button {
            label: "Set a new password",
            link: link_with(letterhead, "reset-password", token)?,
        }),
    };
    write(letterhead, to, &copy)
}

/// Tells the owner of an account that its password is another now.
pub(crate) fn password_changed(
    letterhead: &Letterhead,
    to: &Recipient<'_>,
) -> anyhow::Result<Letter> {
    let copy = Copy {
        subject: "Your password was changed",
        paragraphs: &[
            "the password of your account was just changed, and every other browser and program was signed out.",
            "If that was not you, set a new password at once.",
        ],
        button: Some(Button {
            label: "Set a new password",
            link: link_to(letterhead, "forgot-password")?,
        }),
    };
    write(letterhead, to, &copy)
}

/// Carries the link that moves an account to the address that the letter goes to.
pub(crate) fn email_change(
    letterhead: &Letterhead,
    to: &Recipient<'_>,
    token: &Token,
) -> anyhow::Result<Letter> {
    let copy = Copy {
        subject: "Confirm your new e-mail address",
        paragraphs: &[
            "please confirm that your account should use this e-mail address. The link works once, for 24 hours.",
            "If you have not asked for this, ignore this mail.",
        ],
        button: Some(Button {
            label: "Use this address",
            link: link_with(letterhead, "confirm-email", token)?,
        }),
    };
    write(letterhead, to, &copy)
}

/// Tells the old address that the account has left it. It does not name the new one: whoever reads the old mailbox need
/// not be its owner any more.
pub(crate) fn email_changed(letterhead: &Letterhead, to: &Recipient<'_>) -> anyhow::Result<Letter> {
    let copy = Copy {
        subject: "Your e-mail address was changed",
        paragraphs: &[
            "your account now uses another e-mail address, and this one cannot be used to sign in any more.",
            "If that was not you, please answer this mail.",
        ],
        button: None,
    };
    write(letterhead, to, &copy)
}

fn link_to(letterhead: &Letterhead, page: &str) -> anyhow::Result<Url> {
    letterhead
        .public_url
        .join(page)
        .context("make a letter's link")
}

fn link_with(letterhead: &Letterhead, page: &str, token: &Token) -> anyhow::Result<Url> {
    let mut link = link_to(letterhead, page)?;
    link.query_pairs_mut().append_pair("token", &token.reveal());
    Ok(link)
}

fn write(letterhead: &Letterhead, to: &Recipient<'_>, copy: &Copy) -> anyhow::Result<Letter> {
    let name = to.name;
    Ok(Letter {
        to: to.email.clone(),
        subject: copy.subject.to_owned(),
        text: LetterText {
            letterhead,
            name,
            copy,
        }
        .render()
        .context("write letter as text")?,
        html: LetterHtml {
            letterhead,
            name,
            copy,
        }
        .render()
        .context("write letter as HTML")?,
        attachments: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use kernel::Entropy;

    use super::*;

    fn letterhead() -> Letterhead {
        Letterhead {
            product_name: "Nuts & Bolts".to_owned(),
            public_url: Url::parse("https://shop.example").unwrap(),
            sender: EmailAddress::parse("shop@example.com").unwrap(),
        }
    }

    fn every_letter(name: &str, token: &Token) -> [Letter; 6] {
        let letterhead = &letterhead();
        let email = EmailAddress::parse("ann@example.com").unwrap();
        let to = &Recipient {
            email: &email,
            name,
        };
        [
            verification(letterhead, to, token),
            already_registered(letterhead, to),
            password_reset(letterhead, to, token),
            password_changed(letterhead, to),
            email_change(letterhead, to, token),
            email_changed(letterhead, to),
        ]
        .map(Result::unwrap)
    }

    fn token() -> Token {
        Token::generate(&Entropy::seeded(1))
    }

    #[test]
    fn a_letter_says_the_same_as_text_and_as_html() {
        for letter in every_letter("Ann", &token()) {
            let subject = &letter.subject;
            assert!(letter.text.starts_with("Hello Ann,\n\n"), "{subject}");
            assert!(letter.html.contains("Hello Ann,"), "{subject}");
            for line in letter.text.lines().filter(|line| line.len() > 30) {
                let line = line.replace('&', "&#38;");
                assert!(letter.html.contains(&line), "{subject}: {line}");
            }
            assert!(letter.html.contains(subject.as_str()), "{subject}");
            assert!(letter.html.contains("Nuts &#38; Bolts"), "{subject}");
            assert!(letter.text.contains("Nuts & Bolts"), "{subject}");
        }
    }

    #[test]
    fn a_name_cannot_add_to_the_html() {
        for letter in every_letter("<a href=//evil.example>Ann</a>", &token()) {
            assert!(
                !letter.html.contains("<a href=//evil"),
                "{}",
                letter.subject
            );
        }
    }

    #[test]
    fn links_lead_to_the_product_and_only_those_that_need_it_carry_a_token() {
        let token = token();
        let links = every_letter("Ann", &token).map(|letter| {
            let found = letter
                .text
                .lines()
                .find(|line| line.starts_with("https://"));
            found.unwrap().replace(&token.reveal(), "TOKEN")
        });
        assert_eq!(
            links,
            [
                "https://shop.example/verify-email?token=TOKEN",
                "https://shop.example/sign-in",
                "https://shop.example/reset-password?token=TOKEN",
                "https://shop.example/forgot-password",
                "https://shop.example/confirm-email?token=TOKEN",
                "https://shop.example/",
            ]
        );
    }
}
