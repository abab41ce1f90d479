//! Whose network a request comes from, as far as that can be told from its address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network of the public internet that counts as one visitor: an IPv4 address, or a /48 of IPv6, of which
/// one customer has that much at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VisitorNetwork(IpAddr);

impl VisitorNetwork {
    /// The network of an address. `None` for this machine and for private networks: behind such an address
    /// is a proxy, which stands for all its visitors.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(v4) => (!is_inner_v4(v4)).then_some(Self(v4.into())),
            IpAddr::V6(v6) if is_inner_v6(v6) => None,
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                Some(Self(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()))
            }
        }
    }
}

/// This machine, private networks, and what providers share among their customers (RFC 6598).
const fn is_inner_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let is_shared = a == 100 && b & 0xc0 == 64;
    address.is_loopback() || address.is_private() || address.is_link_local() || is_shared
}

const fn is_inner_v6(address: Ipv6Addr) -> bool {
    address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_are_told_from_proxies() {
        let of = |address: &str| VisitorNetwork::of(address.parse().unwrap());
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "172.18.0.3",
            "192.168.1.1",
            "169.254.0.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(of(inner), None, "{inner}");
        }
        assert_ne!(of("203.0.113.1"), of("203.0.113.2"));
        assert_eq!(of("203.0.113.1"), of("::ffff:203.0.113.1"));
        assert!(of("203.0.113.1").is_some() && of("100.128.0.1").is_some());
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:ffff::1"));
        assert_ne!(of("2001:db8:1::1"), of("2001:db8:2::1"));
    }
}
