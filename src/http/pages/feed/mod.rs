//! One's feed: what the people and channels posted that one follows.
//!
//! | file | what it owns |
//! |---|---|
//! | `query` | which part of the feed an address means |
//! | `view` | how it is shown |
//! | `actions` | follow, mute, unfollow, and the list of what one follows |
//! | `links` | private addresses for programs that read feeds |

pub(super) mod actions;
pub(super) mod links;
mod query;
mod view;

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::IntoResponse;
use maud::Markup;

use crate::domain::activity::ActivityId;
use crate::domain::audit::Via;
use crate::domain::ids::UserId;
use crate::domain::personal::{PersonalFollow, PersonalFollowId};
use crate::domain::public_url::LocalPath;
use crate::http::body::{FormFields, Params};
use crate::http::caller::Person;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::people::{FeedPage, FeedRequest, People};
use crate::service::{PersonalRefusal, Refusal, ServiceError};

use super::layout::page;
use super::see_other;
use query::FeedPageQuery;

const PATH: &str = "/feed";
/// How many posts a page has.
const SIZE: usize = 20;

/// `GET /feed`.
pub(super) async fn show(
    State(state): State<WebState>,
    Person(own): Person,
    Params(query): Params<FeedPageQuery>,
) -> Result<Markup, Problem> {
    let user = own.account.user;
    let request = FeedRequest {
        user,
        via: Via::Web,
        filter: query.filter()?,
        unread: query.is_unread(),
        start: query.start()?,
        limit: SIZE,
    };
    let people = &state.services()?.people;
    let feed = people.feed(request).await?;
    let follows = follows_behind(people, user, &feed).await?;
    let shown =
        view::FeedPart { feed: &feed, follows: &follows, query: &query, user, now: state.clock.now() };
    Ok(page("Your feed", Some(&own), PATH, shown.content()))
}

/// The follows through which the posts of a page are there.
async fn follows_behind(
    people: &People,
    user: UserId,
    feed: &FeedPage,
) -> Result<Vec<PersonalFollow>, ServiceError> {
    let numbers: BTreeSet<i64> =
        feed.posts.iter().flat_map(|shown| &shown.post.because).map(|PersonalFollowId(id)| *id).collect();
    let mut follows = Vec::with_capacity(numbers.len());
    for number in numbers {
        match people.follow_by_number(user, number).await {
            Ok(follow) => follows.push(follow),
            // It ended meanwhile.
            Err(ServiceError::Refused(Refusal::Personal(PersonalRefusal::NotFollowing))) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(follows)
}

/// `POST /feed/read`.
pub(super) async fn mark(
    State(state): State<WebState>,
    Person(own): Person,
    fields: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let up_to = Id::<ActivityId>::parse(fields.one("up_to"));
    let Id(up_to) = up_to.map_err(|_| Problem::new(ProblemCode::InvalidBody))?;
    state.services()?.people.mark_read(own.account.user, Via::Web, up_to).await?;
    Ok(see_other(back(&fields).as_str()))
}

/// Where a form was: some part of the feed.
fn back(fields: &FormFields) -> LocalPath {
    let given = Some(fields.one("back")).filter(|path| path.starts_with(PATH));
    let path = given.and_then(LocalPath::parse);
    path.or_else(|| LocalPath::parse(PATH)).unwrap_or_default()
}
