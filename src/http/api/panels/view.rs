//! What programs send and read of a panel.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::http::header::CONTENT_LOCATION;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::ids::ChannelId;
use crate::domain::panel::PanelState;
use crate::http::api::{words, written};
use crate::http::body::member;
use crate::http::id::{Id, IdText};
use crate::http::problem::{Problem, for_programs};
use crate::service::panels::{PanelPatch, PanelRecord, PanelRequest};
use crate::service::{Refusal, ServiceError};

use super::version;

/// A panel: a message that is kept current, and shown in every channel that follows its channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Panel)]
pub(in crate::http::api) struct PanelRow {
    /// Its number.
    #[schema(example = "12")]
    id: String,
    /// Its kind.
    #[schema(example = "welcome")]
    kind: String,
    /// The channel in which it is posted.
    #[schema(example = "197038439483310086")]
    channel_id: String,
    /// Its title.
    #[schema(example = "Welcome")]
    title: String,
    /// How often it is refreshed, in seconds.
    #[schema(example = 300)]
    refresh_seconds: u64,
    /// What is configured, by the fields of its kind.
    config: BTreeMap<&'static str, String>,
    /// Counts the changes of title, interval and configuration. It is the entity tag, too.
    #[schema(example = 1)]
    version: i32,
    /// `active`, or `inactive`: its message was deleted, or I may not post there any more. Refresh it to have
    /// it posted again.
    #[schema(value_type = words::PanelState)]
    state: &'static str,
    /// What is wrong with it, as a sentence; null if nothing is wrong.
    error: Option<String>,
    /// Its message; null while it isn't posted.
    message_id: Option<String>,
    /// A link to its message.
    link: Option<String>,
    /// The person who made it; null if they are forgotten.
    created_by: Option<String>,
    /// When it was last refreshed.
    refreshed_at: Option<String>,
    /// When it is refreshed next; null if it is inactive.
    next_refresh_at: Option<String>,
}

impl PanelRow {
    /// A panel.
    pub(super) fn of(record: PanelRecord) -> Self {
        let PanelRecord { panel, link, config } = record;
        let is_active = panel.state == PanelState::Active;
        Self {
            id: panel.id.to_string(),
            kind: panel.kind,
            channel_id: panel.channel.to_string(),
            title: panel.title,
            refresh_seconds: panel.refresh.as_secs(),
            config,
            version: panel.version,
            state: panel.state.as_str(),
            error: panel.error.as_deref().map(for_programs),
            message_id: panel.message.map(|message| message.to_string()),
            link,
            created_by: panel.created_by.map(|person| person.to_string()),
            refreshed_at: panel.refreshed_at.map(written),
            next_refresh_at: is_active.then(|| written(panel.next_refresh_at)),
        }
    }

    /// The answer that shows it.
    pub(super) fn answer(record: PanelRecord) -> Response {
        let row = Self::of(record);
        ([version::tag(row.version)], Json(row)).into_response()
    }

    /// The same, for one that was just made.
    pub(super) fn created(record: PanelRecord) -> Response {
        let location = [(header::LOCATION, Self::path(&record))];
        (StatusCode::CREATED, location, Self::answer(record)).into_response()
    }

    /// The same, for one that has another number than the one that was asked for.
    pub(super) fn relocated(record: PanelRecord) -> Response {
        ([(CONTENT_LOCATION, Self::path(&record))], Self::answer(record)).into_response()
    }

    fn path(record: &PanelRecord) -> String {
        format!("/api/v1/servers/{}/panels/{}", record.panel.guild, record.panel.id)
    }
}

/// A panel to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPanel)]
pub(in crate::http::api) struct NewPanelBody {
    /// The name of its kind.
    #[schema(value_type = words::PanelKindName)]
    kind: String,
    /// Where to post it.
    #[schema(value_type = IdText)]
    channel_id: Id<ChannelId>,
    /// Its title, of 1 to 80 characters; without it, the one of its kind.
    #[schema(min_length = 1, max_length = 80)]
    title: Option<String>,
    /// How often it is refreshed, in seconds; without it, every five minutes.
    #[schema(minimum = 60, maximum = 86400)]
    refresh_seconds: Option<u64>,
    /// What is configured, as `configSchema` of its kind says.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({ "text": "Glad you are here!" }))]
    config: BTreeMap<String, String>,
}

/// What is to change about a panel. What isn't given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PanelChange)]
pub(in crate::http::api) struct PanelChangeBody {
    /// Its title, of 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80)]
    title: Option<String>,
    /// How often it is refreshed, in seconds.
    #[schema(minimum = 60, maximum = 86400)]
    refresh_seconds: Option<u64>,
    /// The fields that change.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({ "text": "Glad you are here!" }))]
    config: BTreeMap<String, String>,
}

/// Where a panel moves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PanelMove)]
pub(in crate::http::api) struct PanelMoveBody {
    /// The channel in which it is posted from now on.
    #[schema(value_type = IdText)]
    pub(super) channel_id: Id<ChannelId>,
}

impl NewPanelBody {
    /// What is asked for, and what is configured.
    pub(super) fn read(self) -> (PanelRequest, BTreeMap<String, String>) {
        let refresh = self.refresh_seconds.map(Duration::from_secs);
        let request =
            PanelRequest { kind: self.kind, channel: self.channel_id.0, title: self.title, refresh };
        (request, self.config)
    }
}

impl PanelChangeBody {
    /// What is to change, in a panel of one of these versions.
    pub(super) fn read(self, versions: Option<Vec<i32>>) -> PanelPatch {
        let refresh = self.refresh_seconds.map(Duration::from_secs);
        PanelPatch { title: self.title, refresh, config: self.config, versions }
    }
}

/// A refusal of what a body says, with where it is.
pub(super) fn pointed(error: ServiceError) -> Problem {
    let pointer = match &error {
        ServiceError::Refused(refusal) => match refusal {
            Refusal::PanelField { field, .. } => format!("/config{}", member(field)),
            Refusal::Panel(_) => "/config".to_owned(),
            Refusal::PanelTitle(_) => "/title".to_owned(),
            Refusal::PanelRefresh => "/refreshSeconds".to_owned(),
            Refusal::UnknownPanelKind | Refusal::PanelForbidden(_) => "/kind".to_owned(),
            Refusal::UnknownChannel
            | Refusal::Elsewhere
            | Refusal::PanelThere(_)
            | Refusal::PanelKind { .. }
            | Refusal::TooManyPanels { .. } => "/channelId".to_owned(),
            _ => String::new(),
        },
        ServiceError::Discord(_) | ServiceError::Store(_) => String::new(),
    };
    Problem::from(error).at(pointer)
}
