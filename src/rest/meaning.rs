//! What Discord's codes mean for what Tributary does. An answer without a meaning here isn't acted upon: it
//! counts as an outage.
//!
//! Proxies, Discord's own edge, and captive portals answer with pages of their own, with any status, to any
//! call, and for minutes. So neither a status nor the lack of an answer breaks a follow or ends a delivery:
//! only a code from these lists does. A code that isn't listed costs a few attempts. A page that is believed
//! would cost people their follows.

use std::fmt;

use super::code::ErrorCode;

/// What doesn't exist, or is hidden from the bot (Discord: "Unknown channel" and the like).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnknownResource {
    /// The channel, or the thread.
    Channel,
    /// The server, or the bot isn't in it.
    Guild,
    /// That person isn't a member.
    Member,
    /// The message.
    Message,
    /// The person.
    User,
    /// The webhook.
    Webhook,
}

impl UnknownResource {
    const fn of(code: ErrorCode) -> Option<Self> {
        Some(match code {
            ErrorCode::UNKNOWN_CHANNEL => Self::Channel,
            ErrorCode::UNKNOWN_GUILD => Self::Guild,
            ErrorCode::UNKNOWN_MEMBER => Self::Member,
            ErrorCode::UNKNOWN_MESSAGE => Self::Message,
            ErrorCode::UNKNOWN_USER => Self::User,
            ErrorCode::UNKNOWN_WEBHOOK => Self::Webhook,
            _ => return None,
        })
    }

    /// Discord's code for it.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Channel => ErrorCode::UNKNOWN_CHANNEL,
            Self::Guild => ErrorCode::UNKNOWN_GUILD,
            Self::Member => ErrorCode::UNKNOWN_MEMBER,
            Self::Message => ErrorCode::UNKNOWN_MESSAGE,
            Self::User => ErrorCode::UNKNOWN_USER,
            Self::Webhook => ErrorCode::UNKNOWN_WEBHOOK,
        }
    }
}

impl fmt::Display for UnknownResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Channel => "channel",
            Self::Guild => "server",
            Self::Member => "member",
            Self::Message => "message",
            Self::User => "user",
            Self::Webhook => "webhook",
        };
        write!(f, "unknown {what} ({})", self.code())
    }
}

/// Why the bot, or its webhook, may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ForbiddenReason {
    /// The bot can't see the channel.
    Access,
    /// A permission is missing.
    Permissions,
    /// The person takes no direct messages.
    DirectMessages,
    /// The server requires two-factor authentication of its moderators, and the application's owner has none.
    TwoFactor,
    /// The thread is locked.
    ThreadLocked,
}

impl ForbiddenReason {
    const fn of(code: ErrorCode) -> Option<Self> {
        Some(match code {
            ErrorCode::MISSING_ACCESS => Self::Access,
            ErrorCode::MISSING_PERMISSIONS => Self::Permissions,
            ErrorCode::NO_DIRECT_MESSAGES | ErrorCode::NO_MUTUAL_SERVERS => Self::DirectMessages,
            ErrorCode::TWO_FACTOR_REQUIRED => Self::TwoFactor,
            ErrorCode::THREAD_LOCKED => Self::ThreadLocked,
            _ => return None,
        })
    }

    /// Discord's code for it.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Access => ErrorCode::MISSING_ACCESS,
            Self::Permissions => ErrorCode::MISSING_PERMISSIONS,
            Self::DirectMessages => ErrorCode::NO_DIRECT_MESSAGES,
            Self::TwoFactor => ErrorCode::TWO_FACTOR_REQUIRED,
            Self::ThreadLocked => ErrorCode::THREAD_LOCKED,
        }
    }
}

impl fmt::Display for ForbiddenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self {
            Self::Access => "missing access",
            Self::Permissions => "missing permissions",
            Self::DirectMessages => "no direct messages",
            Self::TwoFactor => "the application's owner needs two-factor authentication",
            Self::ThreadLocked => "the thread is locked",
        };
        write!(f, "{why} ({})", self.code())
    }
}

/// What a refusal with Discord's JSON means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefusalMeaning {
    /// The webhook's token isn't accepted.
    WebhookToken,
    Denied(ForbiddenReason),
    Missing(UnknownResource),
    /// Asking the same again won't help.
    Refused,
}

impl RefusalMeaning {
    /// `None`: nothing that could be acted upon.
    pub(super) fn of(code: ErrorCode) -> Option<Self> {
        if code == ErrorCode::INVALID_WEBHOOK_TOKEN {
            return Some(Self::WebhookToken);
        }
        let missing = UnknownResource::of(code).map(Self::Missing);
        let denied = || ForbiddenReason::of(code).map(Self::Denied);
        missing.or_else(denied).or_else(|| REFUSALS.binary_search(&code.0).is_ok().then_some(Self::Refused))
    }
}

/// Codes that are about the request itself, in ascending order. Discord: "JSON Error Codes", without those
/// that pass by themselves (40004, 40006, 40062, 40333, 110001, 130000, and slow modes).
const REFUSALS: [u32; 94] = [
    10_005, 10_006, 10_009, 10_011, 10_014, 10_060, 10_062, 10_063, 10_087, // unknown things
    20_001, 20_009, 20_012, 20_018, 20_024, 20_031, 20_035, // not for bots, or not there
    30_003, 30_005, 30_007, 30_008, 30_010, 30_013, 30_015, 30_016, 30_030, 30_032, 30_033, 30_034, 30_039,
    30_046, 30_047, 30_048, 30_056, 30_058, // as many as there may be
    40_005, 40_033, 40_041, 40_043, 40_058, 40_060, 40_061, 40_066, 40_067, 40_094, // requests
    50_002, 50_003, 50_005, 50_006, 50_008, 50_009, 50_016, 50_019, 50_021, 50_024, 50_028, 50_033, 50_034,
    50_035, 50_041, 50_045, 50_046, 50_054, 50_055, 50_057, 50_067, 50_068, 50_074, 50_080, 50_081, 50_083,
    50_085, 50_086, 50_101, 50_109, 50_110, 50_123, 50_124, 50_132, 50_138, 50_146, 50_159, 50_178,
    50_600, // bodies
    160_002, 160_004, 160_006, 160_007, // threads
    200_000, 200_001, // AutoMod
    220_001, 220_002, 220_003, 220_004, 240_000, // webhooks in forums, links
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_what_they_say() {
        assert!(REFUSALS.is_sorted(), "it is searched by halves");
        for code in REFUSALS {
            assert_eq!(
                RefusalMeaning::of(ErrorCode(code)),
                Some(RefusalMeaning::Refused),
                "{code} is in another list, too"
            );
        }
        let known = [10_003, 10_004, 10_007, 10_008, 10_013, 10_015, 50_001, 50_007, 50_013, 60_003, 160_005];
        for code in known {
            let code_of = match RefusalMeaning::of(ErrorCode(code)) {
                Some(RefusalMeaning::Denied(denied)) => denied.code(),
                Some(RefusalMeaning::Missing(missing)) => missing.code(),
                other => panic!("{code}: {other:?}"),
            };
            assert_eq!(code_of, ErrorCode(code));
        }
    }

    #[test]
    fn what_passes_by_itself_means_nothing() {
        for code in [0, 1015, 40_004, 40_062, 40_333, 50_095, 110_001, 130_000, 999_999] {
            assert_eq!(RefusalMeaning::of(ErrorCode(code)), None, "{code}");
        }
    }
}
