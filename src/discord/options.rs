//! Options of commands that offer a few words: Discord shows them as choices, with the word itself as value.

use poise::serenity_prelude as serenity;
use poise::{SlashArgError, SlashArgument};

use crate::domain::follow::{Audience, Delivery, Mode};
use crate::service::DeliveryChoice;
use crate::service::panels::Panels;

/// A word that can be chosen.
trait Word: Sized + Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

impl Word for Mode {
    const WORDS: &'static [(&'static str, Self)] = &[
        (Self::All.as_str(), Self::All),
        (Self::Except.as_str(), Self::Except),
        (Self::Only.as_str(), Self::Only),
    ];
}

impl Word for DeliveryChoice {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        (Delivery::Native.as_str(), Self::Fixed(Delivery::Native)),
        (Delivery::Relay.as_str(), Self::Fixed(Delivery::Relay)),
    ];
}

impl Word for Audience {
    const WORDS: &'static [(&'static str, Self)] = &[
        (Self::Nobody.as_str(), Self::Nobody),
        (Self::Servers.as_str(), Self::Servers),
        (Self::Everyone.as_str(), Self::Everyone),
    ];
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
                let chosen = Self::WORDS.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
                chosen.ok_or_else(|| SlashArgError::new_command_structure_mismatch("expected one of the choices"))
            }

            fn create(builder: serenity::CreateCommandOption) -> serenity::CreateCommandOption {
                let builder = builder.kind(serenity::CommandOptionType::String);
                Self::WORDS.iter().fold(builder, |builder, (word, _)| builder.add_string_choice(*word, *word))
            }
        }
    )+};
}

/// The name of a kind of panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PanelKind(pub(super) &'static str);

#[serenity::async_trait]
impl SlashArgument for PanelKind {
    async fn extract(
        _: &serenity::Context,
        _: &serenity::CommandInteraction,
        value: &serenity::ResolvedValue<'_>,
    ) -> Result<Self, SlashArgError> {
        let serenity::ResolvedValue::String(text) = value else {
            return Err(SlashArgError::new_command_structure_mismatch("expected a word"));
        };
        let chosen = Panels::kinds().find(|(name, _)| name == text).map(|(name, _)| Self(name));
        chosen.ok_or_else(|| SlashArgError::new_command_structure_mismatch("expected one of the kinds"))
    }

    fn create(builder: serenity::CreateCommandOption) -> serenity::CreateCommandOption {
        let builder = builder.kind(serenity::CommandOptionType::String);
        let label = |name, summary| format!("{name}: {summary}");
        Panels::kinds()
            .fold(builder, |builder, (name, summary)| builder.add_string_choice(label(name, summary), name))
    }
}

slash_argument!(Mode, DeliveryChoice, Audience);
