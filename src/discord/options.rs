//! Command options that offer a few words: Discord shows them as choices, with the word itself as value. Also
//! the options that somebody has filled in already while another one is completed.

use std::sync::Arc;

use chrono::TimeDelta;
use poise::serenity_prelude as serenity;
use poise::{SlashArgError, SlashArgument};

use crate::domain::channel::{ChannelLink, parse_channel_link};
use crate::domain::digest::DigestPeriod;
use crate::domain::follow::{Approval, Audience, DeliveryMethod, TagMode, ThreadScope};
use crate::domain::ids::ChannelId;
use crate::domain::personal::{Coverage, Followable, ListVisibility};
use crate::service::authors::Whereabouts;
use crate::service::panels::Panels;
use crate::service::{DeliveryChoice, ServiceError};

use super::Bot;
use super::ids::IntoDomain;

/// An option's type that has a fixed set of words.
trait FixedChoices: Sized + Copy + 'static {
    /// All of them.
    fn words() -> Vec<(&'static str, Self)>;

    /// What Discord shows for a word: the word itself, unless the type says otherwise.
    fn label(word: &str, _: Self) -> String {
        word.to_owned()
    }
}

impl FixedChoices for TagMode {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            (Self::All.as_str(), Self::All),
            (Self::Except.as_str(), Self::Except),
            (Self::Only.as_str(), Self::Only),
        ]
    }
}

impl FixedChoices for DeliveryChoice {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("auto", Self::Auto),
            (DeliveryMethod::Native.as_str(), Self::Fixed(DeliveryMethod::Native)),
            (DeliveryMethod::Relay.as_str(), Self::Fixed(DeliveryMethod::Relay)),
        ]
    }
}

impl FixedChoices for ThreadScope {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|threads| (threads.as_str(), *threads)).collect()
    }
}

impl FixedChoices for Audience {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|audience| (audience.as_str(), *audience)).collect()
    }
}

impl FixedChoices for Approval {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|approval| (approval.as_str(), *approval)).collect()
    }
}

impl FixedChoices for Coverage {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|coverage| (coverage.as_str(), *coverage)).collect()
    }
}

impl FixedChoices for Followable {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|followable| (followable.as_str(), *followable)).collect()
    }
}

impl FixedChoices for ListVisibility {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|lists| (lists.as_str(), *lists)).collect()
    }
}

/// What somebody chooses, or leaves to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OrOperators<T>(pub(super) Option<T>);

impl<T: FixedChoices> FixedChoices for OrOperators<T> {
    fn words() -> Vec<(&'static str, Self)> {
        let words = T::words().into_iter().map(|(word, value)| (word, Self(Some(value))));
        words.chain([("operator", Self(None))]).collect()
    }

    fn label(word: &str, choice: Self) -> String {
        match choice.0 {
            Some(value) => T::label(word, value),
            None => "as the operator chose for everybody".to_owned(),
        }
    }
}

/// For how long something is muted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MuteSpan {
    Hours(i64),
    /// Not any more.
    Off,
}

impl MuteSpan {
    /// How long that is; `None` ends it.
    pub(super) const fn length(self) -> Option<TimeDelta> {
        match self {
            Self::Hours(hours) => TimeDelta::try_hours(hours),
            Self::Off => None,
        }
    }
}

impl FixedChoices for MuteSpan {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("1h", Self::Hours(1)),
            ("8h", Self::Hours(8)),
            ("1d", Self::Hours(24)),
            ("7d", Self::Hours(7 * 24)),
            ("30d", Self::Hours(30 * 24)),
            ("off", Self::Off),
        ]
    }

    fn label(word: &str, span: Self) -> String {
        match span {
            Self::Hours(1) => "1 hour".to_owned(),
            Self::Hours(hours) if hours < 24 => format!("{hours} hours"),
            Self::Hours(24) => "1 day".to_owned(),
            Self::Hours(hours) => format!("{} days", hours / 24),
            Self::Off => format!("{word}: show it again now"),
        }
    }
}

/// How often digests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DigestChoice {
    Every(DigestPeriod),
    /// Never.
    Off,
}

impl FixedChoices for DigestChoice {
    fn words() -> Vec<(&'static str, Self)> {
        let periods = DigestPeriod::ALL.iter().map(|period| (period.as_str(), Self::Every(*period)));
        periods.chain([("off", Self::Off)]).collect()
    }

    fn label(word: &str, choice: Self) -> String {
        match choice {
            Self::Every(DigestPeriod::Day) => "every day".to_owned(),
            Self::Every(DigestPeriod::Week) => "every Monday".to_owned(),
            Self::Off => word.to_owned(),
        }
    }
}

impl FixedChoices for Whereabouts {
    fn words() -> Vec<(&'static str, Self)> {
        [Self::Here, Self::Everywhere].map(|place| (place.as_str(), place)).to_vec()
    }
}

macro_rules! slash_argument {
    ($($name:ty),+) => {$(
        #[serenity::async_trait]
        impl SlashArgument for $name {
            async fn extract(
                _: &serenity::Context,
                _: &serenity::CommandInteraction,
                value: &serenity::ResolvedValue<'_>,
            ) -> Result<Self, SlashArgError> {
                let serenity::ResolvedValue::String(text) = value else {
                    return Err(SlashArgError::new_command_structure_mismatch("expected a word"));
                };
                let chosen = Self::words().into_iter().find(|(word, _)| word == text).map(|(_, value)| value);
                chosen.ok_or_else(|| SlashArgError::new_command_structure_mismatch("expected one of the choices"))
            }

            fn create(builder: serenity::CreateCommandOption) -> serenity::CreateCommandOption {
                let builder = builder.kind(serenity::CommandOptionType::String);
                Self::words().into_iter().fold(builder, |builder, (word, value)| {
                    builder.add_string_choice(Self::label(word, value), word)
                })
            }
        }
    )+};
}

/// A channel that is already chosen for another option. In an autocompletion, it comes as a bare id.
pub(super) fn filled_channel(
    ctx: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    option: &str,
) -> Option<ChannelId> {
    filled(ctx, option)?.as_channel_id().map(IntoDomain::into_domain)
}

/// The same for an option that takes a channel's link or id.
pub(super) fn filled_link(
    ctx: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    option: &str,
) -> Option<ChannelLink> {
    parse_channel_link(filled(ctx, option)?.as_str()?)
}

fn filled<'a>(
    ctx: poise::ApplicationContext<'a, Arc<Bot>, ServiceError>,
    option: &str,
) -> Option<&'a serenity::CommandDataOptionValue> {
    ctx.interaction.data.options.iter().find(|filled| filled.name == option).map(|filled| &filled.value)
}

/// The option that names a kind of panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PanelKindOption(pub(super) &'static str);

impl FixedChoices for PanelKindOption {
    fn words() -> Vec<(&'static str, Self)> {
        Panels::kinds().map(|(name, _)| (name, Self(name))).collect()
    }

    fn label(word: &str, kind: Self) -> String {
        let summary = Panels::kinds().find(|(name, _)| *name == kind.0).map_or("", |(_, summary)| summary);
        format!("{word}: {summary}")
    }
}

slash_argument!(
    TagMode,
    DeliveryChoice,
    ThreadScope,
    Audience,
    Approval,
    PanelKindOption,
    Whereabouts,
    Coverage,
    OrOperators<Followable>,
    OrOperators<ListVisibility>,
    MuteSpan,
    DigestChoice
);
