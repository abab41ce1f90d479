//! The authorization page of OAuth2: a person lets the application know who they are, or cancels.
//!
//! Discord knows who sits before the browser. Here one chooses, and the choice is kept in a cookie, so that
//! `prompt=none` can go on without a page. `GET /oauth2/sign-out` forgets it.

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, LOCATION, REFERRER_POLICY, SET_COOKIE};

use super::request::{Answer, Request};
use crate::error::ApiResult;
use crate::ids::UserId;
use crate::model::AuthorizationRequest;
use crate::ops::AuthorizationRefusal;
use crate::page;
use crate::world::World;

/// Where it is. Discord has it outside of `/api`.
pub(crate) const PATH: &str = "/oauth2/authorize";

/// Who one was the last time.
const COOKIE: &str = "sandbox_person";

/// No `form-action`: browsers would also apply it to the way back to the application.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// `GET`: the page; or straight back, for somebody who has authorized all of this before.
pub(super) fn show(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let asked = match world.authorization_request(&request.query) {
        Ok(asked) => asked,
        Err(refusal) => return Ok(refused(world, refusal)),
    };
    let before = request.cookie(COOKIE).and_then(|id| known(world, id));
    match before.filter(|person| asked.silent && world.has_authorized(*person, &asked.scopes)) {
        Some(person) => Ok(redirect(&world.authorize(person, &asked))),
        None => Ok(consent(world, 200, &asked, before)),
    }
}

/// `POST`: one of the page's buttons was pressed.
pub(super) fn decide(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let asked = match world.authorization_request(&request.query) {
        Ok(asked) => asked,
        Err(refusal) => return Ok(refused(world, refusal)),
    };
    if request.form.get("answer").map(String::as_str) != Some("authorize") {
        return Ok(redirect(&world.decline(&asked)));
    }
    let Some(person) = request.form.get("person").and_then(|id| known(world, id)) else {
        return Ok(consent(world, 400, &asked, None));
    };
    let mut answer = redirect(&world.authorize(person, &asked));
    set(&mut answer, SET_COOKIE, &format!("{COOKIE}={person}; Path=/; HttpOnly; SameSite=Lax"));
    Ok(answer)
}

/// `GET /oauth2/sign-out`: the next page asks again who one is.
pub(super) fn sign_out(_: &mut World, _: &Request) -> ApiResult<Answer> {
    let words =
        "You are signed out of this Discord. The next application that you sign in to asks who you are.";
    let mut answer = dressed(200, page::notice("Signed out", words));
    set(&mut answer, SET_COOKIE, &format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"));
    Ok(answer)
}

/// Somebody whom one can be.
fn known(world: &World, id: &str) -> Option<UserId> {
    let id = id.parse().ok()?;
    world.users.get(&id).filter(|user| !user.bot).map(|user| user.id)
}

fn consent(world: &World, status: u16, asked: &AuthorizationRequest, chosen: Option<UserId>) -> Answer {
    dressed(status, page::consent(world, asked, chosen))
}

fn refused(_: &World, refusal: AuthorizationRefusal) -> Answer {
    match refusal {
        AuthorizationRefusal::Page(words) => {
            dressed(400, page::notice("Something is wrong with this link", words))
        }
        AuthorizationRefusal::Redirect(to) => redirect(&to),
    }
}

fn redirect(to: &str) -> Answer {
    let mut answer = Answer::bare(302);
    set(&mut answer, LOCATION, to);
    answer
}

fn dressed(status: u16, html: String) -> Answer {
    let mut answer = Answer::page(status, html);
    set(&mut answer, CONTENT_SECURITY_POLICY, POLICY);
    set(&mut answer, REFERRER_POLICY, "no-referrer");
    answer
}

fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers.insert(name, value);
    }
}
