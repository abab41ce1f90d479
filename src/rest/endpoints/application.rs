//! Calls about the bot itself: its user, its commands, and the gateway's address.

use serde::Serialize;

use crate::domain::ids::ApplicationId;
use crate::rest::Rest;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::MajorParameter;
use crate::rest::model::{ApplicationInfo, CurrentUser, GatewayBot};

impl Rest {
    /// The bot's user: `GET /users/@me`.
    pub async fn current_user(&self) -> Result<CurrentUser, RestError> {
        self.read(Call::new(Verb::Get, "/users/@me", MajorParameter::None, &[])).await
    }

    /// The bot's application: `GET /applications/@me`, or where that route isn't known (404) `GET
    /// /oauth2/applications/@me`.
    pub async fn application(&self) -> Result<ApplicationInfo, RestError> {
        match self.read(Call::new(Verb::Get, "/applications/@me", MajorParameter::None, &[])).await {
            Err(RestError::Edge { status: 404, .. }) => {
                self.read(Call::new(Verb::Get, "/oauth2/applications/@me", MajorParameter::None, &[])).await
            }
            answer => answer,
        }
    }

    /// The gateway's address, and how many sessions may begin: `GET /gateway/bot`.
    pub async fn gateway_bot(&self) -> Result<GatewayBot, RestError> {
        self.read(Call::new(Verb::Get, "/gateway/bot", MajorParameter::None, &[])).await
    }

    /// Replaces all the bot's global commands, given as a list in Discord's form: `PUT
    /// /applications/{application}/commands`. The answer is ignored: nobody needs the commands' ids.
    pub async fn set_global_commands(
        &self,
        application: ApplicationId,
        commands: &(impl Serialize + ?Sized),
    ) -> Result<(), RestError> {
        let call = Call::new(
            Verb::Put,
            "/applications/{application}/commands",
            MajorParameter::None,
            &[application.get()],
        );
        self.perform(&call.json(commands)?).await.map(drop)
    }
}
