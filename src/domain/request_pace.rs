//! How many requests a second may go to Discord's API, as the operator sets it.

use std::num::NonZeroU32;
use std::str::FromStr;

/// Discord: so many requests a second from a bot, and so many from an address that names no bot.
pub const DISCORD_PER_SECOND: u32 = 50;

/// How many requests a second may leave. Requests with the bot's token and with webhooks' tokens are counted
/// apart, as Discord does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestPace {
    /// As many as Discord allows. Webhooks' calls go faster where the answers show that Discord's limit
    /// doesn't apply.
    #[default]
    Auto,
    /// So many of either kind, whatever the answers look like.
    PerSecond(NonZeroU32),
    /// No limit. Only a 429 holds them up.
    Unlimited,
}

impl FromStr for RequestPace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(Self::Auto),
            "unlimited" => Ok(Self::Unlimited),
            number => {
                let number = number.parse().map_err(|_| ())?;
                Ok(NonZeroU32::new(number).map_or(Self::Unlimited, Self::PerSecond))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_operators_write_it() {
        let some = |number| Ok(RequestPace::PerSecond(NonZeroU32::new(number).unwrap()));
        assert_eq!("auto".parse(), Ok(RequestPace::Auto));
        assert_eq!("25".parse(), some(25));
        assert_eq!("0".parse(), Ok(RequestPace::Unlimited));
        assert_eq!("unlimited".parse(), Ok(RequestPace::Unlimited));
        for wrong in ["", "-1", "1.5", "many"] {
            assert_eq!(wrong.parse::<RequestPace>(), Err(()), "{wrong}");
        }
    }
}
