//! Which addresses may be asked: public ones, and private ones only if the operator allows it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::GameError;

/// The lowest port of game servers. Below it, a query would reach mail and web servers.
const FIRST_PORT: u16 = 1024;
/// The longest host name (RFC 1035, in characters).
const LONGEST: usize = 253;

/// A host, by name or by IP address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    host: String,
    port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl Address {
    /// Reads `host`, `host:port`, `[IPv6]:port` or an IPv6 address by itself.
    pub fn parse(text: &str, usual_port: u16) -> Result<Self, GameError> {
        let text = text.trim();
        let bare = || text.trim_matches(['[', ']']).parse::<Ipv6Addr>().ok();
        let (host, port) = if let Some(ip) = bare() {
            (ip.to_string(), usual_port)
        } else if let Some((host, port)) = text.rsplit_once(':') {
            let port = port.parse::<u32>().map_err(|_| GameError::NoAddress)?;
            (host.to_owned(), u16::try_from(port).map_err(|_| GameError::Port)?)
        } else {
            (text.to_owned(), usual_port)
        };
        let host = match host.trim_matches(['[', ']']).parse::<Ipv6Addr>() {
            Ok(ip) => ip.to_string(),
            Err(_) => host.to_ascii_lowercase(),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let named = !host.is_empty() && host.len() <= LONGEST && host.chars().all(plain);
        if !named && host.parse::<Ipv6Addr>().is_err() {
            return Err(GameError::NoAddress);
        }
        if port < FIRST_PORT {
            return Err(GameError::Port);
        }
        Ok(Self { host, port })
    }

    /// The host's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Refuses what can be refused without a look-up: an IP address that may not be asked.
    pub fn check(&self, private_allowed: bool) -> Result<(), GameError> {
        self.host.parse::<IpAddr>().map_or(Ok(()), |ip| allowed(ip, private_allowed))
    }

    /// The address to ask. A name is refused where *any* of its addresses is.
    pub(super) async fn resolve(
        &self,
        patience: Duration,
        private_allowed: bool,
    ) -> Result<SocketAddr, GameError> {
        if self.port < FIRST_PORT {
            return Err(GameError::Port);
        }
        let lookup = tokio::net::lookup_host((self.host.as_str(), self.port));
        let found = tokio::time::timeout(patience, lookup).await.map_err(|_| GameError::Unresolved)?;
        let found: Vec<SocketAddr> = found.map_err(|_| GameError::Unresolved)?.collect();
        choose(&found, private_allowed)
    }
}

/// One of a name's addresses, if all of them may be asked. An IPv4 address is preferred, as more machines can
/// reach it.
fn choose(found: &[SocketAddr], private_allowed: bool) -> Result<SocketAddr, GameError> {
    found.iter().try_for_each(|address| allowed(address.ip(), private_allowed))?;
    let first = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
    first.copied().ok_or(GameError::Unresolved)
}

fn allowed(ip: IpAddr, private_allowed: bool) -> Result<(), GameError> {
    match reach(ip) {
        Reach::Public => Ok(()),
        Reach::Private if private_allowed => Ok(()),
        Reach::Private => Err(GameError::Private),
        Reach::Never => Err(GameError::Never),
    }
}

/// Who can reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Everyone.
    Public,
    /// This machine, or its network.
    Private,
    /// No single server, or one that no game runs on: at a link-local address, cloud providers answer
    /// questions about the machine.
    Never,
}

fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

/// After the IANA IPv4 Special-Purpose Address Registry (RFC 6890).
const fn reach_v4(ip: Ipv4Addr) -> Reach {
    match ip.octets() {
        // "This network", link-local, multicast, reserved and broadcast.
        [0 | 224..=255, ..] | [169, 254, ..] => Reach::Never,
        // Loopback, private, and between a provider and its customers (RFC 6598).
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Reach::Private,
        // Protocols, documentation, 6to4 relays, benchmarks.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] | [198, 18..=19, ..] => {
            Reach::Private
        }
        _ => Reach::Public,
    }
}

/// After the IANA IPv6 Special-Purpose Address Registry: public is what is global unicast (2000::/3), and not
/// set aside within it.
fn reach_v6(ip: Ipv6Addr) -> Reach {
    if let Some(inner) = embedded(ip) {
        return reach_v4(inner);
    }
    match ip.segments() {
        // Amazon's service that answers questions about the machine.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254] => Reach::Never,
        [0, 0, 0, 0, 0, 0, 0, 1] | [0xfc00..=0xfdff, ..] => Reach::Private,
        // Protocols with Teredo, documentation, 6to4.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => Reach::Private,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Never,
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped (::ffff:0:0/96), or by way of NAT64
/// (64:ff9b::/96).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(ip: &str) -> Reach {
        reach(ip.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a01:4f8::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(of(ip), Reach::Public, "{ip}");
        }
    }

    #[test]
    fn addresses_of_the_own_network_are_private() {
        for ip in [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "::1",
            "fc00::1",
            "fd12:3456::1",
            "2001:db8::1",
            "2001::1",
            "2001:2::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "64:ff9b::192.168.0.1",
        ] {
            assert_eq!(of(ip), Reach::Private, "{ip}");
        }
    }

    #[test]
    fn some_addresses_are_never_asked() {
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "::127.0.0.1",
            "100::1",
            "5f00::1",
            "4000::1",
        ] {
            assert_eq!(of(ip), Reach::Never, "{ip}");
            assert!(allowed(ip.parse().unwrap(), true).is_err(), "{ip}");
        }
    }

    #[test]
    fn one_private_address_among_public_ones_is_enough_to_refuse() {
        let found = ["8.8.8.8:27015".parse().unwrap(), "10.0.0.1:27015".parse().unwrap()];
        assert_eq!(choose(&found, false), Err(GameError::Private));
        assert_eq!(choose(&found, true), Ok(found[0]));
        assert_eq!(choose(&[], true), Err(GameError::Unresolved));
        let both = ["[2606:4700::1111]:1024".parse().unwrap(), "1.1.1.1:1024".parse().unwrap()];
        assert_eq!(choose(&both, false), Ok(both[1]));
    }

    #[tokio::test]
    async fn names_are_looked_up_and_then_checked() {
        let patience = Duration::from_secs(5);
        // The system's own looking up reads all of these as the loopback address.
        for host in ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001"] {
            let address = Address::parse(host, 27015).unwrap();
            assert_eq!(address.resolve(patience, false).await, Err(GameError::Private), "{host}");
        }
        let local = Address::parse("localhost:4000", 1).unwrap();
        assert_eq!(local.resolve(patience, true).await.unwrap().port(), 4000);
        let nowhere = Address::parse("nowhere.invalid", 27015).unwrap();
        assert_eq!(nowhere.resolve(patience, true).await, Err(GameError::Unresolved));
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, read) in [
            ("play.example.org", "play.example.org:25565"),
            (" Play.Example.org:2000 ", "play.example.org:2000"),
            ("1.2.3.4:27015", "1.2.3.4:27015"),
            ("2001:4860::1", "[2001:4860::1]:25565"),
            ("[2001:4860::1]", "[2001:4860::1]:25565"),
            ("[2001:4860::1]:3000", "[2001:4860::1]:3000"),
        ] {
            assert_eq!(Address::parse(text, 25565).unwrap().to_string(), read);
        }
        for text in ["", " ", "a b", "http://x", "x:y", "x:-1", "x/y", "ex@mple", "münchen.example"] {
            assert_eq!(Address::parse(text, 25565), Err(GameError::NoAddress), "{text}");
        }
        for text in ["x:80", "x:0", "x:1023", "x:65536", "[::1]:22"] {
            assert_eq!(Address::parse(text, 25565), Err(GameError::Port), "{text}");
        }
    }

    #[test]
    fn plain_addresses_are_refused_at_once() {
        let check = |text| Address::parse(text, 27015).unwrap().check(false);
        assert_eq!(check("192.168.0.1"), Err(GameError::Private));
        assert_eq!(check("[::ffff:169.254.169.254]"), Err(GameError::Never));
        assert_eq!(check("8.8.8.8"), Ok(()));
        assert_eq!(check("play.example.org"), Ok(()));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}", port in any::<u16>()) {
            if let Ok(address) = Address::parse(&text, port) {
                prop_assert_eq!(Address::parse(&address.to_string(), 1), Ok(address));
            }
        }

        #[test]
        fn an_address_within_another_is_judged_alike(bits in any::<u32>()) {
            let ip = Ipv4Addr::from(bits);
            prop_assert_eq!(reach_v6(ip.to_ipv6_mapped()), reach_v4(ip));
        }
    }
}
