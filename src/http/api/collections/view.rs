//! What programs send and read of a collection.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::domain::collection::Collection;
use crate::http::api::follows::ChannelEnd;
use crate::http::api::written;
use crate::service::collections::{CollectionCounts, CollectionDraft, CollectionPatch, CollectionRecord};

/// A collection: channels that people follow as one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Collection)]
pub(in crate::http::api) struct CollectionRow {
    /// Its number.
    #[schema(example = "12")]
    id: String,
    /// Its server.
    server_id: String,
    /// Its name.
    #[schema(example = "Releases")]
    name: String,
    /// What it is about; null if it has no description.
    description: Option<String>,
    /// Whether people who aren't members of its server may follow it, if they can read one of its channels.
    open: bool,
    /// How many channels it has.
    channel_count: u64,
    /// How many people follow it.
    follower_count: u64,
    /// The person who made it; null if they are forgotten.
    created_by: Option<String>,
    /// When it was made.
    created_at: String,
    /// When it, or which channels it has, last changed.
    updated_at: String,
}

impl CollectionRow {
    /// A collection.
    pub(super) fn of(collection: &Collection, counts: CollectionCounts) -> Self {
        let options = &collection.options;
        Self {
            id: collection.id.0.to_string(),
            server_id: collection.guild.to_string(),
            name: options.name.as_str().to_owned(),
            description: options.description.as_ref().map(|text| text.as_str().to_owned()),
            open: options.open,
            channel_count: counts.channels,
            follower_count: counts.followers,
            created_by: collection.created_by.map(|person| person.to_string()),
            created_at: written(collection.created_at),
            updated_at: written(collection.updated_at),
        }
    }
}

/// A collection with its channels.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CollectionWithChannels)]
pub(in crate::http::api) struct CollectionView {
    #[serde(flatten)]
    row: CollectionRow,
    /// Its channels, the first ones first.
    channels: Vec<ChannelEnd>,
}

impl CollectionView {
    /// A collection with its channels.
    pub(super) fn of(record: CollectionRecord) -> Self {
        let CollectionRecord { collection, counts, channels } = record;
        Self {
            row: CollectionRow::of(&collection, counts),
            channels: channels.into_iter().map(ChannelEnd::of).collect(),
        }
    }
}

/// A collection to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewCollection)]
pub(in crate::http::api) struct NewCollectionBody {
    /// Its name, of 1 to 50 characters. No other collection of the server has it, in capitals or not.
    #[schema(min_length = 1, max_length = 50, example = "Releases")]
    name: String,
    /// What it is about, in 300 characters at most.
    #[schema(max_length = 300)]
    description: Option<String>,
    /// Whether people who aren't members of its server may follow it, if they can read one of its channels.
    /// Without it, they may not.
    #[serde(default)]
    open: bool,
}

impl NewCollectionBody {
    /// What is asked for.
    pub(super) fn read(self) -> CollectionDraft {
        CollectionDraft { name: self.name, description: self.description, open: self.open }
    }
}

/// What is to change about a collection. What isn't given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CollectionChange)]
pub(in crate::http::api) struct CollectionChangeBody {
    /// Its name, of 1 to 50 characters.
    #[schema(min_length = 1, max_length = 50)]
    name: Option<String>,
    /// What it is about, in 300 characters at most; null removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 300)]
    description: Option<Option<String>>,
    /// Whether people who aren't members of its server may follow it.
    open: Option<bool>,
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl CollectionChangeBody {
    /// What is to change.
    pub(super) fn read(self) -> CollectionPatch {
        CollectionPatch { name: self.name, description: self.description, open: self.open }
    }
}
