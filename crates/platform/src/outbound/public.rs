//! Which addresses are on the public internet: for calls to hosts that strangers name, who would otherwise have this
//! process call what only it can reach (server-side request forgery, OWASP's A10 of 2021).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Looks a name up.
type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Nothing that a name leads to is public.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the name leads to no public address")]
struct NotPublic;

/// Names as the machine knows them, without what is not public.
///
/// The connection is opened to the very addresses that were looked at here. A check before the call would look the name up
/// for itself, and the name could lead elsewhere a moment later (DNS rebinding).
pub(super) struct PublicNames(Lookup);

impl PublicNames {
    pub(super) fn of_the_machine() -> Self {
        Self(Arc::new(|name| {
            Box::pin(async move {
                // The port is put in by whoever connects.
                Ok(tokio::net::lookup_host((name, 0)).await?.collect())
            })
        }))
    }
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.0)(name.as_str().to_owned());
        Box::pin(async move {
            let mut found = found.await?;
            found.retain(|address| is_public(address.ip()));
            if found.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether a call failed because its name leads to nothing public.
pub(super) fn is_refusal(error: &reqwest::Error) -> bool {
    let first = std::error::Error::source(error);
    std::iter::successors(first, |error| error.source())
        .any(<dyn std::error::Error + 'static>::is::<NotPublic>)
}

/// Whether `url` may be called although a stranger named it: over https, and not by a number that is not public. What a
/// name leads to is looked at when it is connected to.
pub(super) fn may_be_called(url: &Url) -> bool {
    let is_public = match url.host() {
        Some(Host::Domain(_)) => true,
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        None => false,
    };
    url.scheme() == "https" && is_public
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// What IANA's registry of special-purpose IPv4 addresses does not call globally reachable (RFC 6890), multicast, and what
/// is public by its number alone.
const NOT_PUBLIC_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    // Shared by carriers (RFC 6598), and where some clouds answer about their machines.
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    // Link-local: 169.254.169.254 is where clouds give out a machine's credentials.
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    // Relays from IPv6 to IPv4 (RFC 7526).
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    // Reserved, with the broadcast address.
    v4(240, 0, 0, 0, 4),
    // Azure answers its machines here.
    v4(168, 63, 129, 16, 32),
];

/// Where IPv6 addresses are given out to anybody (RFC 4291). All others are private, local to a link or to a site, or carry
/// an IPv4 address: mapped (`::ffff:0:0/96`), translated (`64:ff9b::/96`), or nobody's.
const GIVEN_OUT_V6: Ipv6Net = v6(0x2000, 0, 3);

/// What is not public among those.
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    // Protocols of the IETF: benchmarks, and Teredo, which carries an IPv4 address.
    v6(0x2001, 0, 23),
    // Documentation (RFC 3849, RFC 9637).
    v6(0x2001, 0xdb8, 32),
    v6(0x3fff, 0, 20),
    // 6to4 carries an IPv4 address (RFC 3056).
    v6(0x2002, 0, 16),
];

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => {
            GIVEN_OUT_V6.contains(&address)
                && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use kernel::Entropy;
    use tokio::net::TcpListener;

    use super::*;
    use crate::outbound::{Dependency, Outbound, OutboundError, Policy, user_agent};

    #[test]
    fn what_is_not_on_the_public_internet_is_told_apart() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:7f00:1::",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_private_number_is_refused_however_it_is_written() {
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://[::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://①②⑦.⓪.⓪.①/",
            "https://10.0.0.1:8443/",
            "http://hooks.example/",
            "ftp://hooks.example/",
        ] {
            assert!(!may_be_called(&url.parse().unwrap()), "{url}");
        }
        for url in [
            "https://hooks.example/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]:8443/",
        ] {
            assert!(may_be_called(&url.parse().unwrap()), "{url}");
        }
    }

    /// A port of this machine, and how often somebody has connected to it.
    async fn a_port() -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        (address, connections)
    }

    /// Calls to strangers where each name leads to `addresses`.
    fn strangers_at(addresses: Vec<SocketAddr>) -> Dependency {
        let names = PublicNames(Arc::new(move |_| {
            let addresses = addresses.clone();
            Box::pin(async move { Ok(addresses) })
        }));
        let outbound = Outbound::new(Entropy::seeded(1), user_agent("shop", "1"));
        let policy = Policy::for_strangers();
        outbound.dependency_by(names, "strangers", policy).unwrap()
    }

    async fn call(dependency: &Dependency, url: &str) -> OutboundError {
        let request = http::Request::post(url).body(Bytes::new()).unwrap();
        dependency.send(request).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_public_name_that_leads_to_a_private_address_is_not_connected_to() {
        let (address, connections) = a_port().await;
        let url = format!("https://hooks.example:{}/", address.port());
        let error = call(&strangers_at(vec![address]), &url).await;
        assert!(
            matches!(error, OutboundError::AddressNotPublic),
            "{error:?}"
        );
        assert_eq!(connections.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn the_name_of_this_machine_itself_leads_to_nothing_public() {
        let (address, connections) = a_port().await;
        let outbound = Outbound::new(Entropy::seeded(1), user_agent("shop", "1"));
        let strangers = outbound
            .dependency("strangers", Policy::for_strangers())
            .unwrap();
        let url = format!("https://localhost:{}/", address.port());
        let error = call(&strangers, &url).await;
        assert!(
            matches!(error, OutboundError::AddressNotPublic),
            "{error:?}"
        );
        let url = format!("https://127.0.0.1:{}/", address.port());
        let error = call(&strangers, &url).await;
        assert!(matches!(error, OutboundError::HostNotAllowed), "{error:?}");
        assert_eq!(connections.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn of_several_addresses_only_the_public_ones_are_left() {
        let addresses: Vec<SocketAddr> = ["10.0.0.1:0", "8.8.8.8:0", "[::1]:0", "[2606:4700::1]:0"]
            .map(|address| address.parse().unwrap())
            .into();
        let names = PublicNames(Arc::new(move |_| {
            let addresses = addresses.clone();
            Box::pin(async move { Ok(addresses) })
        }));
        let left = names
            .resolve("hooks.example".parse().unwrap())
            .await
            .unwrap();
        let left: Vec<_> = left.map(|address| address.ip().to_string()).collect();
        assert_eq!(left, ["8.8.8.8", "2606:4700::1"]);
    }
}
