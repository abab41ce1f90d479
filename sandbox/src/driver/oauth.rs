//! A person at the authorization page of OAuth2, without a browser.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::Uri;

use super::{ActError, Person};
use crate::model::AuthorizationRequest;
use crate::ops::AuthorizationRefusal;
use crate::rest::AUTHORIZE_PATH;
use crate::world::World;

/// Where a link leads.
enum Destination {
    /// To the page with its two buttons.
    Page(AuthorizationRequest),
    /// Straight back to the application, with an error.
    Back(String),
}

impl Person {
    /// Opens a link to the sandbox's authorization page and presses Authorize. Answers the address to which
    /// the browser goes then: the redirect URI with `code`, `state` and `iss`, or with an `error` if the
    /// link asks for something that Discord refuses.
    ///
    /// # Errors
    /// [`ActError::ErrorPage`] where Discord shows an error instead of going anywhere: the link isn't the
    /// sandbox's, or its application or redirect URI isn't known.
    pub fn authorize(&self, url: &str) -> Result<String, ActError> {
        self.shared.write(|world| {
            Ok(match open(world, url)? {
                Destination::Page(asked) => world.authorize(self.id, &asked),
                Destination::Back(redirect) => redirect,
            })
        })
    }

    /// Opens a link to the authorization page and presses Cancel. Answers the address to which the browser
    /// goes then, with `error=access_denied`.
    ///
    /// # Errors
    /// As of [`Self::authorize`].
    pub fn decline(&self, url: &str) -> Result<String, ActError> {
        self.shared.read(|world| {
            Ok(match open(world, url)? {
                Destination::Page(asked) => world.decline(&asked),
                Destination::Back(redirect) => redirect,
            })
        })
    }
}

fn open(world: &World, url: &str) -> Result<Destination, ActError> {
    let path = url.strip_prefix(&world.base).map(|rest| rest.strip_prefix("/api").unwrap_or(rest));
    let uri = path.and_then(|path| path.parse::<Uri>().ok()).filter(|uri| uri.path() == AUTHORIZE_PATH);
    let elsewhere =
        || ActError::ErrorPage("the link doesn't lead to the sandbox's authorization page".to_owned());
    let query = Query::<HashMap<String, String>>::try_from_uri(&uri.ok_or_else(elsewhere)?);
    match world.authorization_request(&query.map(|query| query.0).unwrap_or_default()) {
        Ok(asked) => Ok(Destination::Page(asked)),
        Err(AuthorizationRefusal::Redirect(to)) => Ok(Destination::Back(to)),
        Err(AuthorizationRefusal::Page(words)) => Err(ActError::ErrorPage(words.to_owned())),
    }
}
