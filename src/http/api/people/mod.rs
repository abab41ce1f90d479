//! People: who follows whom, and what one chose about being followed.

pub(super) mod follow;
pub(super) mod lists;
pub(super) mod modes;
pub(super) mod own;
pub(super) mod privacy;
pub(super) mod requests;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::account::StoredApiToken;
use crate::domain::follow::TagMode;
use crate::domain::ids::UserId;
use crate::domain::personal::{
    Coverage, Followee, PersonalFilter, PersonalFollow, PersonalOptions, Profile, avatar_link,
};
use crate::domain::tags::Tag;
use crate::http::body::{Ids, word};
use crate::http::caller::{Caller, Identified};
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::people::PersonalOutcome;

use super::{words, written};

/// A person, as paths name them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserPath {
    user_id: Id<UserId>,
}

/// The person in a path. An invalid id is reported as such.
pub(super) struct UserInPath(pub(super) UserId);

impl FromRequestParts<WebState> for UserInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let path = Ids::<UserPath>::from_request_parts(parts, state).await;
        path.map(|Ids(path)| Self(path.user_id.0)).map_err(|problem| problem.with_detail("invalid user id"))
    }
}

/// The person who is signed in. Anybody else is told to sign in.
pub(super) struct SignedIn(pub(super) Identified);

impl FromRequestParts<WebState> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(session) => Ok(Self(Identified::Session(session))),
            Caller::Token(token) => {
                require_everywhere(&token)?;
                Ok(Self(Identified::Token(token)))
            }
            Caller::Guest => {
                Err(Problem::new(ProblemCode::AuthenticationRequired).with_detail("authentication required"))
            }
        }
    }
}

/// Refuses a token that works in one server only: people's own follows and feeds belong to none.
pub(super) fn require_everywhere(token: &StoredApiToken) -> Result<(), Problem> {
    match token.server {
        Some(_) => Err(Problem::new(ProblemCode::InsufficientScope)
            .with_detail("This token is good for one server only. Make one for all servers.")),
        None => Ok(()),
    }
}

/// A person as others see them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct PersonRef {
    /// The id at Discord.
    #[schema(example = "175928847299117063")]
    pub(in crate::http::api) id: String,
    /// The name that is shown.
    pub(in crate::http::api) name: String,
    /// The unique name.
    pub(in crate::http::api) username: String,
    /// The address of the avatar; null for Discord's default.
    pub(in crate::http::api) avatar: Option<String>,
}

impl PersonRef {
    pub(in crate::http::api) fn of(profile: &Profile) -> Self {
        Self {
            id: profile.user.to_string(),
            name: profile.name().to_owned(),
            username: profile.username.clone(),
            avatar: profile.avatar.as_deref().map(|hash| avatar_link(profile.user, hash)),
        }
    }
}

/// A person's own follow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct PersonalFollowView {
    /// The follow's number.
    #[schema(example = "12")]
    id: String,
    /// The follower.
    follower_id: String,
    /// What is followed: `user`, `channel` or `collection`.
    #[schema(value_type = words::FolloweeKind)]
    kind: &'static str,
    /// Its id.
    following_id: String,
    /// Which tags are let through: `all`, `except` or `only`.
    #[schema(value_type = words::FollowMode)]
    mode: &'static str,
    /// The tags that the mode names: `#name`, or the id of a forum's tag.
    tags: Vec<String>,
    /// How much is let through: `posts` or `everything`.
    #[schema(value_type = words::Coverage)]
    what: &'static str,
    /// Until when nothing of it is shown.
    muted_until: Option<String>,
    /// Since when.
    created_at: String,
    /// When it last changed.
    updated_at: String,
}

impl PersonalFollowView {
    pub(in crate::http::api) fn of(follow: &PersonalFollow) -> Self {
        let followed = match follow.followee {
            Followee::User(id) => id.to_string(),
            Followee::Channel(id) => id.to_string(),
            Followee::Collection(id) => id.0.to_string(),
        };
        Self {
            id: follow.id.0.to_string(),
            follower_id: follow.follower.to_string(),
            kind: follow.followee.kind().as_str(),
            following_id: followed,
            mode: follow.options.filter.mode().as_str(),
            tags: follow.options.filter.tags().iter().map(tag_id).collect(),
            what: follow.options.coverage.as_str(),
            muted_until: follow.muted_until.map(written),
            created_at: written(follow.created_at),
            updated_at: written(follow.updated_at),
        }
    }
}

/// A tag as programs name it.
pub(super) fn tag_id(tag: &Tag) -> String {
    match tag {
        Tag::Forum { id, .. } => id.to_string(),
        Tag::Hashtag(name) => format!("#{name}"),
    }
}

/// The tag of such a name: digits are the id of a forum's tag, everything else is a hashtag, with or without
/// its `#`.
pub(super) fn read_tag(text: &str) -> Option<Tag> {
    match text.parse() {
        Ok(id) => Some(Tag::Forum { id, name: String::new() }),
        Err(_) => Tag::hashtag(text),
    }
}

/// The tags of a list in a body.
pub(super) fn read_tags(pointer: &str, texts: &[String]) -> Result<Vec<Tag>, Problem> {
    let read = |(index, text): (usize, &String)| {
        let wrong =
            || Problem::in_body(&format!("{pointer}/{index}"), "This is no tag: #name, or a forum tag's id.");
        read_tag(text).ok_or_else(wrong)
    };
    texts.iter().enumerate().map(read).collect()
}

/// What a body says is let through. What it doesn't say stays as it was before.
fn read_options(
    mode: Option<&str>,
    tags: &[String],
    what: Option<&str>,
    before: &PersonalOptions,
) -> Result<PersonalOptions, Problem> {
    let modes = TagMode::ALL.iter().map(|mode| (mode.as_str(), *mode));
    let mode = word(mode, "/mode", modes)?.unwrap_or(before.filter.mode());
    let coverages = Coverage::ALL.iter().map(|coverage| (coverage.as_str(), *coverage));
    let coverage = word(what, "/what", coverages)?.unwrap_or(before.coverage);
    let filter = PersonalFilter::new(mode, read_tags("/tags", tags)?);
    let filter = filter.map_err(|error| Problem::in_body("/tags", &error.to_string()))?;
    Ok(PersonalOptions { filter, coverage })
}

/// Somebody is asked before they are followed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct AskedView {
    /// `asked`: they have been asked. If they say yes, you follow them; a no isn't told.
    #[schema(value_type = words::RequestState)]
    state: &'static str,
}

/// The answer to whoever wants to follow somebody who is asked first.
fn asked() -> Response {
    (StatusCode::ACCEPTED, Json(AskedView { state: words::ASKED })).into_response()
}

/// The answer to a follow that was made, with the place where it is found, or that is asked for.
fn answer(outcome: &PersonalOutcome, location: impl FnOnce(&PersonalFollow) -> String) -> Response {
    match outcome {
        PersonalOutcome::Followed(follow) => {
            let view = Json(PersonalFollowView::of(follow));
            (StatusCode::CREATED, [(header::LOCATION, location(follow))], view).into_response()
        }
        PersonalOutcome::Asked => asked(),
    }
}

/// The mode of a follow, as these endpoints spell it.
pub(in crate::http::api) const fn upper_mode(mode: TagMode) -> &'static str {
    match mode {
        TagMode::All => "ALL",
        TagMode::Except => "ALL_EXCEPT",
        TagMode::Only => "ONLY",
    }
}
