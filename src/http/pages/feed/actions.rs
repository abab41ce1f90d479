//! Follow, mute and unfollow from one's feed, and the list of what one follows.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::TimeDelta;
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::feed::FeedPost;
use crate::domain::ids::UserId;
use crate::domain::paging::{Cursor, PageSize, PageStart};
use crate::domain::personal::{Coverage, Followee, PersonalFollow, PersonalFollowId, PersonalOptions};
use crate::http::body::{FormFields, Ids, Params};
use crate::http::caller::Person;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::people::NamedFollow;
use crate::service::{PersonalRefusal, Refusal, ServiceError};

use super::super::layout::page;
use super::super::{see_other, time};
use super::view::followee_name;
use super::{PATH, back};

const LIST: &str = "/feed/following";
/// How many follows a page of the list has.
const SIZE: u8 = 50;

/// `POST /feed/follow`: whoever wrote a post.
pub(in crate::http::pages) async fn follow(
    State(state): State<WebState>,
    Person(own): Person,
    fields: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let author = Id::<UserId>::parse(fields.one("author"));
    let Id(author) = author.map_err(|_| Problem::new(ProblemCode::InvalidBody))?;
    let options = PersonalOptions { coverage: Coverage::Posts, ..PersonalOptions::default() };
    match state.services()?.people.follow_user(own.account.user, author, options).await {
        Ok(_) | Err(ServiceError::Refused(Refusal::Personal(PersonalRefusal::AlreadyFollowing))) => {
            Ok(see_other(back(&fields).as_str()))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /feed/follows/{id}/mute`: for so many days, or not any more.
pub(in crate::http::pages) async fn mute(
    State(state): State<WebState>,
    Person(own): Person,
    Ids(Id(PersonalFollowId(id))): Ids<Id<PersonalFollowId>>,
    fields: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let span = match fields.one("days") {
        "1" => Some(TimeDelta::days(1)),
        "7" => Some(TimeDelta::days(7)),
        "0" => None,
        _ => return Err(Problem::new(ProblemCode::InvalidBody)),
    };
    let (people, user) = (&state.services()?.people, own.account.user);
    let follow = people.follow_by_number(user, id).await?;
    people.mute_for(user, follow.followee, span).await?;
    Ok(see_other(back(&fields).as_str()))
}

/// `POST /feed/follows/{id}/unfollow`.
pub(in crate::http::pages) async fn unfollow(
    State(state): State<WebState>,
    Person(own): Person,
    Ids(Id(PersonalFollowId(id))): Ids<Id<PersonalFollowId>>,
    fields: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let (people, user) = (&state.services()?.people, own.account.user);
    let follow = people.follow_by_number(user, id).await?;
    people.unfollow(user, follow.followee).await?;
    Ok(see_other(back(&fields).as_str()))
}

/// Which part of the list.
#[derive(Debug, Deserialize)]
pub(in crate::http::pages) struct FollowingQuery {
    cursor: Option<String>,
}

/// `GET /feed/following`.
pub(in crate::http::pages) async fn list(
    State(state): State<WebState>,
    Person(own): Person,
    Params(query): Params<FollowingQuery>,
) -> Result<Markup, Problem> {
    let cursor = match &query.cursor {
        Some(text) => text.parse().map_err(|_| Problem::new(ProblemCode::InvalidPage))?,
        None => Cursor::Newest,
    };
    let size = PageSize::new(SIZE).unwrap_or_default();
    let people = &state.services()?.people;
    let follows = people.named_follows(own.account.user, PageStart::At(cursor), size).await?;
    let older = follows.items.last().filter(|_| follows.has_older);
    let older = older.map(|last| Cursor::OlderThan(last.follow.id.0));
    let content = html! {
        @if follows.items.is_empty() {
            p { "You follow nothing yet. Follow people and channels in Discord with " code { "/feed follow" } "." }
        }
        ul.cards { @for one in &follows.items { (card(one)) } }
        nav.pages aria-label="Pages of the list" {
            @if query.cursor.is_some() { a href=(LIST) { "Newest" } }
            @if let Some(older) = older { a rel="next" href={ (LIST) "?cursor=" (older) } { "Older" } }
        }
        p { a href=(PATH) { "Back to your feed" } }
    };
    Ok(page("Whom and what you follow", Some(&own), LIST, content))
}

fn card(one: &NamedFollow) -> Markup {
    let follow = &one.follow;
    let name = match (&one.profile, follow.followee) {
        (Some(profile), _) => profile.name().to_owned(),
        (None, Followee::User(user)) => format!("person {user}"),
        (None, Followee::Channel(channel)) => format!("channel {channel}"),
        (None, Followee::Collection(collection)) => format!("collection {}", collection.0),
    };
    html! {
        li {
            b { (name) }
            div.faint {
                "Since " (time(follow.created_at)) " · " (follow.options.coverage.as_str())
                @if let Some(until) = follow.muted_until { " · muted until " (time(until)) }
            }
            div.menu {
                @if follow.muted_until.is_some() { (mute_form(follow, 0, "Unmute", LIST)) }
                @else { (mute_form(follow, 7, "Mute for a week", LIST)) }
                (unfollow_form(follow, "Unfollow", LIST))
            }
        }
    }
}

/// What can be done about why a post is there.
pub(super) fn follow_forms(
    user: UserId,
    post: &FeedPost,
    follows: &[PersonalFollow],
    back: &str,
    names: (&str, &str),
) -> Markup {
    let behind = || follows.iter().filter(|follow| post.because.contains(&follow.id));
    let author = post.author.filter(|author| {
        *author != user && !behind().any(|follow| follow.followee == Followee::User(*author))
    });
    html! {
        @if let Some(author) = author {
            form method="post" action={ (PATH) "/follow" } {
                input type="hidden" name="author" value=(author);
                input type="hidden" name="back" value=(back);
                button.quiet type="submit" { "Follow " (names.0) }
            }
        }
        @for follow in behind() {
            (mute_form(follow, 7, &format!("Mute {} for a week", followee_name(follow.followee, post, names)), back))
            (unfollow_form(follow, &format!("Unfollow {}", followee_name(follow.followee, post, names)), back))
        }
    }
}

fn mute_form(follow: &PersonalFollow, days: u8, label: &str, back: &str) -> Markup {
    html! {
        form method="post" action={ (PATH) "/follows/" (follow.id.0) "/mute" } {
            input type="hidden" name="days" value=(days);
            input type="hidden" name="back" value=(back);
            button.quiet type="submit" { (label) }
        }
    }
}

fn unfollow_form(follow: &PersonalFollow, label: &str, back: &str) -> Markup {
    html! {
        form method="post" action={ (PATH) "/follows/" (follow.id.0) "/unfollow" } {
            input type="hidden" name="back" value=(back);
            button.danger type="submit" { (label) }
        }
    }
}
