//! `/panel list`, and the panels that are offered where one is to be chosen.

use crate::domain::ids::ChannelId;
use crate::domain::panel::{Panel, PanelId};
use crate::service::access::CachedAccess;
use crate::service::access::{Access, ChannelLookup};
use crate::service::follow::list::IN_TIME;
use crate::service::{Actor, Refusal, ServiceError};

use super::{MANAGE, Panels, refresh};

/// A panel in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelListEntry {
    /// The panel.
    pub panel: Panel,
    /// Its channel's name, for texts in which mentions aren't shown.
    pub channel: String,
    /// A link to its message, if there is one.
    pub link: Option<String>,
}

impl Panels {
    /// The panels of the actor's server that they may manage; only those of one channel, if one is given.
    pub async fn list(
        &self,
        actor: Actor,
        channel: Option<ChannelId>,
    ) -> Result<Vec<PanelListEntry>, ServiceError> {
        self.limits.quotas.spend_question(actor.user)?;
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        let mut entries = Vec::new();
        self.find_entries(&mut self.access(&rest, actor), actor, channel, &mut entries).await?;
        Ok(entries)
    }

    /// The same for autocompletion: as many as can be found in time.
    pub async fn choices(&self, actor: Actor) -> Result<Vec<PanelListEntry>, ServiceError> {
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        let mut entries = Vec::new();
        let found = async {
            let mut access = CachedAccess::complete(&rest, self.clock, &self.limits.lookups, actor).await;
            self.find_entries(&mut access, actor, None, &mut entries).await
        };
        match tokio::time::timeout(IN_TIME, found).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Ok(entries),
        }
    }

    async fn find_entries(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        channel: Option<ChannelId>,
        entries: &mut Vec<PanelListEntry>,
    ) -> Result<(), ServiceError> {
        access.prefetch(actor.guild, &[actor.user]).await?;
        for panel in self.store.panels_of(actor.guild).await? {
            if channel.is_some_and(|channel| channel != panel.channel) {
                continue;
            }
            access.note_channel(panel.guild, panel.channel);
            if !access.actor_may(actor, panel.channel, MANAGE).await? {
                continue;
            }
            let name = match access.find(panel.channel).await? {
                ChannelLookup::Seen(channel) => format!("#{}", channel.name),
                ChannelLookup::Hidden | ChannelLookup::Gone => "deleted channel".to_owned(),
            };
            let link = panel.message.map(|message| refresh::link(&panel, message));
            entries.push(PanelListEntry { panel, channel: name, link });
        }
        Ok(())
    }

    /// The panel that an autocompleted option names, by its number or its title.
    pub async fn named(&self, actor: Actor, text: &str) -> Result<PanelId, ServiceError> {
        let panels = self.store.panels_of(actor.guild).await?;
        let text = text.trim();
        let by_number = panels.iter().find(|panel| panel.id.to_string() == text);
        let mut titled = panels.iter().filter(|panel| panel.title.to_lowercase() == text.to_lowercase());
        match (by_number, titled.next(), titled.next()) {
            (Some(panel), ..) | (None, Some(panel), None) => Ok(panel.id),
            (None, Some(_), Some(_)) => Err(Refusal::ManyPanels.into()),
            (None, None, _) => Err(Refusal::NoSuchPanel.into()),
        }
    }
}
