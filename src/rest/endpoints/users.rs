//! Calls about people.

use crate::domain::ids::UserId;
use crate::rest::Rest;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::MajorParameter;
use crate::rest::meaning::UnknownResource;
use crate::rest::model::User;

impl Rest {
    /// A person or a bot, or `None` if there is nobody with this id: `GET /users/{user}`.
    pub async fn user(&self, user: UserId) -> Result<Option<User>, RestError> {
        let call = Call::new(Verb::Get, "/users/{user}", MajorParameter::None, &[user.get()]);
        match self.read(call).await {
            Ok(user) => Ok(Some(user)),
            Err(RestError::NotFound(UnknownResource::User)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
