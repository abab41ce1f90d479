//! Everything that is kept of oneself.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::audit::AuditRecord;
use crate::http::caller::Person;
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::people::DatedPerson;

use super::digest::DigestView;
use super::feed_links::FeedLinkView;
use super::people::privacy::PrivacyView;
use super::people::{PersonRef, PersonalFollowView};
use super::sessions::SessionView;
use super::tokens::TokenView;
use super::{words, written};

/// Somebody, and since when.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DatedPersonView {
    id: String,
    since: String,
}

/// Something that you changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportedChangeView {
    at: String,
    /// In which way.
    #[schema(value_type = words::AuditVia)]
    via: &'static str,
    #[schema(value_type = words::AuditAction)]
    action: &'static str,
    /// The server; null for what is yours alone.
    server_id: Option<String>,
    /// From what to what: an object.
    #[schema(value_type = Object)]
    detail: Value,
}

/// Everything that is kept of you.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportView {
    /// Your id.
    id: String,
    /// As Discord described you last; null if you neither follow nor are followed.
    profile: Option<PersonRef>,
    /// What you chose about being followed.
    privacy: PrivacyView,
    /// What you follow.
    follows: Vec<PersonalFollowView>,
    /// Who follows you: the newest 10,000.
    followers: Vec<DatedPersonView>,
    /// Whom you keep from following you.
    blocked: Vec<DatedPersonView>,
    /// Whom you asked to be allowed to follow them.
    asked: Vec<DatedPersonView>,
    /// Who asks to follow you.
    asked_by: Vec<DatedPersonView>,
    /// When the newest post was made that you marked as read.
    read_to: Option<String>,
    /// The addresses of your feed, without their secrets.
    feeds: Vec<FeedLinkView>,
    /// Your digest.
    digest: Option<DigestView>,
    /// Your tokens, without their secrets.
    tokens: Vec<TokenView>,
    /// Where you are signed in.
    sessions: Vec<SessionView>,
    /// When, in the last hour, you did something of which one may do only so much.
    actions: Vec<String>,
    /// What you changed, as long as it is kept.
    changes: Vec<ExportedChangeView>,
    /// How many of your messages are known, and of how many the content is kept.
    messages: u64,
    messages_with_content: u64,
}

fn dated(person: &DatedPerson) -> DatedPersonView {
    DatedPersonView { id: person.user.to_string(), since: written(person.since) }
}

fn change(record: AuditRecord) -> ExportedChangeView {
    ExportedChangeView {
        at: written(record.at),
        via: words::via(record.via),
        action: record.entry.action.as_str(),
        server_id: record.entry.guild.map(|guild| guild.to_string()),
        detail: record.entry.detail,
    }
}

/// Get everything that is kept of you
///
/// As one document, without secrets. What your messages say isn't in it: it is kept for a while to deliver
/// them, and encrypted.
#[utoipa::path(
    get,
    path = "/me/export",
    tag = "Account",
    security(("session" = [])),
    responses((status = 200, description = "Everything", body = ExportView))
)]
pub(super) async fn export(
    State(state): State<WebState>,
    Person(own): Person,
) -> Result<impl IntoResponse, Problem> {
    let (services, user) = (state.services()?, own.account.user);
    let kept = services.people.export(user).await?;
    let tokens = services.accounts.tokens(user).await?;
    let sessions = services.accounts.web_sessions(user).await?;
    let privacy = kept.profile.as_ref().map(|profile| profile.privacy).unwrap_or_default();
    let view = ExportView {
        id: user.to_string(),
        profile: kept.profile.as_ref().map(PersonRef::of),
        privacy: PrivacyView::of(privacy, None),
        follows: kept.follows.iter().map(PersonalFollowView::of).collect(),
        followers: kept.records.followers.iter().map(dated).collect(),
        blocked: kept.records.blocked.iter().map(dated).collect(),
        asked: kept.records.asked.iter().map(dated).collect(),
        asked_by: kept.records.asked_by.iter().map(dated).collect(),
        read_to: kept.read_to.map(|message| written(message.created_at())),
        feeds: kept.links.into_iter().map(FeedLinkView::of).collect(),
        digest: kept.digest.as_ref().map(DigestView::of),
        tokens: tokens.into_iter().map(TokenView::of).collect(),
        sessions: sessions.into_iter().map(|session| SessionView::of(session, own.id)).collect(),
        actions: kept.records.actions.into_iter().map(written).collect(),
        changes: kept.records.changes.into_iter().map(change).collect(),
        messages: kept.totals.messages,
        messages_with_content: kept.totals.contents,
    };
    Ok(([(CONTENT_DISPOSITION, "attachment; filename=\"tributary.json\"")], Json(view)))
}
