//! Calls about the bot itself: who it is, its commands, its way into the gateway.

use serde::Serialize;

use crate::domain::ids::ApplicationId;
use crate::rest::Rest;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::Major;
use crate::rest::model::{ApplicationInfo, CurrentUser, GatewayBot};

impl Rest {
    /// Who the bot is: `GET /users/@me`.
    pub async fn current_user(&self) -> Result<CurrentUser, RestError> {
        self.read(Call::new(Verb::Get, "/users/@me", Major::None, &[])).await
    }

    /// The bot's application: `GET /applications/@me`, or where that isn't known (404) `GET /oauth2/applications/@me`.
    pub async fn application(&self) -> Result<ApplicationInfo, RestError> {
        match self.read(Call::new(Verb::Get, "/applications/@me", Major::None, &[])).await {
            Err(RestError::Edge { status: 404, .. }) => {
                self.read(Call::new(Verb::Get, "/oauth2/applications/@me", Major::None, &[])).await
            }
            answer => answer,
        }
    }

    /// Where the gateway is and how many sessions may begin: `GET /gateway/bot`.
    pub async fn gateway_bot(&self) -> Result<GatewayBot, RestError> {
        self.read(Call::new(Verb::Get, "/gateway/bot", Major::None, &[])).await
    }

    /// Replaces all the bot's global commands, given as a list in Discord's form: `PUT /applications/{application}/commands`. What it answers is no matter:
    /// nobody needs the commands' numbers.
    pub async fn set_global_commands(
        &self,
        application: ApplicationId,
        commands: &(impl Serialize + ?Sized),
    ) -> Result<(), RestError> {
        let call =
            Call::new(Verb::Put, "/applications/{application}/commands", Major::None, &[application.get()]);
        self.perform(&call.json(commands)?).await.map(drop)
    }
}
