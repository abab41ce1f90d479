//! From which address a request comes, where a proxy may stand in between. Anybody can send
//! `X-Forwarded-For`, so it counts only as far as proxies that the operator trusts have written it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// The longest `X-Forwarded-For` that is read, in addresses; what is further left is of no interest.
const LONGEST: usize = 32;

/// The networks of the proxies that are trusted; usually none, or one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text that isn't a list of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network")]
pub struct InvalidNetwork;

impl FromStr for TrustedProxies {
    type Err = InvalidNetwork;

    /// Reads networks (`10.0.0.0/8`) and single addresses, separated by commas.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
        let read = |text: &str| {
            let address = || text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
            text.parse().ok().or_else(|| address().ok()).ok_or(InvalidNetwork)
        };
        networks.map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    /// Whether no proxy is trusted.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a proxy at this address is trusted.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who sent a request that came from `peer` with these values of `X-Forwarded-For`. They are read from
    /// the right up to the first address that isn't a trusted proxy's, because whoever sent the request could
    /// write anything further left. If a value up to there is no address, it is the peer.
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let mut client = peer;
        for value in forwarded.rev().flat_map(|line| line.rsplit(',')).take(LONGEST) {
            let Some(address) = address(value.trim()) else { return peer };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

/// An address as proxies write it: with or without a port, IPv6 also in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let bare = bare.map(|v6| v6.parse::<Ipv6Addr>().map(IpAddr::V6));
    let address = bare.unwrap_or_else(|| text.parse());
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    address.ok().or_else(|| with_port().ok()).map(|address| address.to_canonical())
}

/// Whose requests count together: an IPv4 address, or the /64 of an IPv6 address, which is the least that
/// one customer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressGroup(IpAddr);

impl From<IpAddr> for AddressGroup {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[rstest]
    // Nobody is trusted, or the peer isn't.
    #[case("", "9.9.9.9", &["1.1.1.1"], "9.9.9.9")]
    #[case("10.0.0.0/8", "9.9.9.9", &["1.1.1.1"], "9.9.9.9")]
    // What the client itself wrote doesn't count.
    #[case("10.0.0.0/8", "10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1")]
    #[case("10.0.0.0/8", "10.0.0.1", &["6.6.6.6", "1.1.1.1"], "1.1.1.1")]
    #[case("10.0.0.0/8", "10.0.0.1", &["x, 1.1.1.1"], "1.1.1.1")]
    // Proxies behind proxies.
    #[case("10.0.0.0/8,172.16.0.1", "10.0.0.1", &["6.6.6.6, 1.1.1.1, 172.16.0.1 ,10.9.9.9"], "1.1.1.1")]
    #[case("10.0.0.0/8", "10.0.0.1", &["10.0.0.7, 10.0.0.2"], "10.0.0.7")]
    #[case("10.0.0.0/8", "10.0.0.1", &[], "10.0.0.1")]
    // Nonsense.
    #[case("10.0.0.0/8", "10.0.0.1", &["1.1.1.1, x"], "10.0.0.1")]
    #[case("10.0.0.0/8", "10.0.0.1", &["1.1.1.1,"], "10.0.0.1")]
    #[case("10.0.0.0/8", "10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1")]
    #[case("10.0.0.0/8", "10.0.0.1", &["1.1.1.1, x, 10.0.0.2"], "10.0.0.1")]
    // The forms of one address.
    #[case("10.0.0.0/8", "10.0.0.1", &["1.1.1.1:4711"], "1.1.1.1")]
    #[case("::1", "::1", &["[2001:db8::7]:4711"], "2001:db8::7")]
    #[case("::1", "::1", &["[2001:db8::7]"], "2001:db8::7")]
    #[case("::1", "::1", &["2001:db8::7"], "2001:db8::7")]
    #[case("10.0.0.0/8", "::ffff:10.0.0.1", &["::ffff:1.1.1.1"], "1.1.1.1")]
    #[case("fd00::/8", "fd00::1", &["2001:db8::7, fd00::2"], "2001:db8::7")]
    fn the_client_is_the_first_that_is_not_trusted(
        #[case] trusted: TrustedProxies,
        #[case] peer: &str,
        #[case] forwarded: &[&str],
        #[case] client: &str,
    ) {
        assert_eq!(trusted.client(ip(peer), forwarded.iter().copied()), ip(client));
    }

    #[test]
    fn only_networks_are_networks() {
        for wrong in ["x", "10.0.0.0/33", "10.0.0", "10.0.0.0/8 ::1", "*", "localhost"] {
            assert_eq!(wrong.parse::<TrustedProxies>(), Err(InvalidNetwork), "{wrong}");
        }
        assert!("".parse::<TrustedProxies>().unwrap().is_empty());
        assert!(" 127.0.0.1 , ::1,".parse::<TrustedProxies>().unwrap().trusts(ip("::ffff:127.0.0.1")));
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let group = |text| AddressGroup::from(ip(text));
        assert_eq!(group("2001:db8::1"), group("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(group("2001:db8::1"), group("2001:db8:0:1::1"));
        assert_ne!(group("1.1.1.1"), group("1.1.1.2"));
        assert_eq!(group("1.1.1.1"), group("::ffff:1.1.1.1"));
    }

    proptest! {
        /// Nobody gets rid of their address by what they write in front of it.
        #[test]
        fn what_a_client_writes_changes_nothing(written in "[0-9a-fx.:, \\[\\]]{0,80}") {
            let trusted: TrustedProxies = "10.0.0.0/8".parse().unwrap();
            let line = format!("{written}, 1.1.1.1");
            prop_assert_eq!(trusted.client(ip("10.0.0.1"), [line.as_str()].into_iter()), ip("1.1.1.1"));
            prop_assert_eq!(trusted.client(ip("2.2.2.2"), [line.as_str()].into_iter()), ip("2.2.2.2"));
        }
    }
}
