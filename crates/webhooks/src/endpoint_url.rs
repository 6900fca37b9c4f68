use std::fmt;

use url::{Host, Url};

/// Where an endpoint is. What its name leads to is looked at each time that it is called, because it can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// Why an address cannot be an endpoint's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpointUrl {
    /// It is no address of the web, or longer than [`EndpointUrl::MAX_LENGTH`].
    #[error("this is no address such as https://example.com/hooks")]
    NotAnAddress,
    /// Others on the way could read what is sent.
    #[error("the address must begin with https://")]
    NotHttps,
    /// It has a name or a password before an `@`, which would stand in the database and on pages.
    #[error("the address must not contain a name or a password")]
    Credentials,
    /// It names this machine, its network, or no host of the public internet.
    #[error("the address must be on the public internet")]
    NotPublic,
    /// A port that other protocols are at home on.
    #[error("the port must be 443, or 1024 and above")]
    Port,
}

impl EndpointUrl {
    /// The greatest number of characters.
    pub const MAX_LENGTH: usize = 500;

    /// Reads what a customer names. `private` permits this machine, its network, and http: for development.
    pub fn parse(text: &str, private: bool) -> Result<Self, InvalidEndpointUrl> {
        let text = text.trim();
        // Browsers' rules, which `Url` follows, leave out line breaks and escape the rest. Nobody types those.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidEndpointUrl::NotAnAddress);
        }
        let mut url: Url = text.parse().map_err(|_| InvalidEndpointUrl::NotAnAddress)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidEndpointUrl::NotAnAddress);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpointUrl::Credentials);
        }
        if !private {
            require_public(&url)?;
        }
        // It is never sent.
        url.set_fragment(None);
        // Two libraries have to read it: this one, and the one that calls.
        if url.as_str().len() > Self::MAX_LENGTH || url.as_str().parse::<http::Uri>().is_err() {
            return Err(InvalidEndpointUrl::NotAnAddress);
        }
        Ok(Self(url))
    }

    /// What a row says: it was parsed before.
    pub(crate) fn from_db(text: &str) -> anyhow::Result<Self> {
        Ok(Self(text.parse()?))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// What can be told from the address as it stands. Numbers are left to [`platform::outbound`], which knows which are public.
fn require_public(url: &Url) -> Result<(), InvalidEndpointUrl> {
    if url.scheme() != "https" {
        return Err(InvalidEndpointUrl::NotHttps);
    }
    let named = match url.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.').contains('.'),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => platform::outbound::is_public(url),
        None => false,
    };
    if !named {
        return Err(InvalidEndpointUrl::NotPublic);
    }
    // TLS alone does not keep a mail server from reading lines.
    match url.port_or_known_default() {
        Some(443 | 1024..) => Ok(()),
        _ => Err(InvalidEndpointUrl::Port),
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_public_internet_is_taken() {
        for (given, kept) in [
            ("https://hooks.example", "https://hooks.example/"),
            (
                " https://Hooks.Example/a?b=c#d ",
                "https://hooks.example/a?b=c",
            ),
            ("https://hooks.example:8443/", "https://hooks.example:8443/"),
            ("https://8.8.8.8/", "https://8.8.8.8/"),
        ] {
            let url = EndpointUrl::parse(given, false);
            assert_eq!(url.unwrap().as_str(), kept);
        }
    }

    #[test]
    fn anything_else_is_refused_for_its_reason() {
        use InvalidEndpointUrl::{Credentials, NotAnAddress, NotHttps, NotPublic, Port};
        let long = format!("https://hooks.example/{}", "a".repeat(500));
        for (given, why) in [
            ("", NotAnAddress),
            ("hooks.example", NotAnAddress),
            ("ftp://hooks.example/", NotAnAddress),
            ("javascript:alert(1)", NotAnAddress),
            (long.as_str(), NotAnAddress),
            ("https://hooks.example/\0", NotAnAddress),
            ("https://hooks\n.example/", NotAnAddress),
            ("https://hooks.example/a b", NotAnAddress),
            ("http://hooks.example/", NotHttps),
            ("https://ann@hooks.example/", Credentials),
            ("https://ann:secret@hooks.example/", Credentials),
            ("https://localhost/", NotPublic),
            ("https://localhost./", NotPublic),
            ("https://intranet/", NotPublic),
            ("https://127.0.0.1/", NotPublic),
            ("https://2130706433/", NotPublic),
            ("https://169.254.169.254/latest/meta-data", NotPublic),
            ("https://[::ffff:10.0.0.1]/", NotPublic),
            ("https://hooks.example:25/", Port),
            ("https://hooks.example:80/", Port),
        ] {
            assert_eq!(EndpointUrl::parse(given, false), Err(why), "{given}");
        }
    }

    #[test]
    fn on_a_developers_machine_the_machine_itself_is_fine() {
        let local = "http://127.0.0.1:9000/hooks";
        assert_eq!(EndpointUrl::parse(local, true).unwrap().as_str(), local);
        assert!(EndpointUrl::parse("http://ann@127.0.0.1/", true).is_err());
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_is_named_is_called_at_an_address_that_reads_back_or_not_at_all() {
        fuzzing::text("endpoint_url", |text| {
            for private in [false, true] {
                let Ok(url) = EndpointUrl::parse(text, private) else {
                    continue;
                };
                assert!(url.as_str().len() <= EndpointUrl::MAX_LENGTH, "{url:?}");
                assert!(
                    url.0.username().is_empty() && url.0.fragment().is_none(),
                    "{url:?}"
                );
                assert!(private || url.0.scheme() == "https", "{url:?}");
                let again = EndpointUrl::parse(url.as_str(), private).unwrap();
                assert_eq!(again.as_str(), url.as_str());
            }
        });
    }
}
