//! The web pages' listener. It is open as long as the process runs, so that a proxy in front of it gets an
//! answer; what it says is of use only while the process has its shards.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::{Config, DiscordSignInConfig};
use crate::domain::public_url::PublicUrl;
use crate::http::{RequestLimits, WebServices, WebState, serve_web};
use crate::rest::OAuthConfig;
use crate::service::ServiceParts;
use crate::service::access::lookups::Lookups;
use crate::service::access::quotas::UserQuotas;
use crate::service::accounts::{Accounts, RETURN_PATH};
use crate::supervisor::{Supervisor, Task};

use super::{AppError, clock, until};

/// Whether there are web pages, and what they can do at the moment.
pub(super) struct WebSwitch {
    url: Option<Arc<PublicUrl>>,
    discord: Option<DiscordSignInConfig>,
    services: watch::Sender<Option<Arc<WebServices>>>,
    serving: Option<Task>,
}

impl WebSwitch {
    /// Begins to listen, if the settings say so.
    pub(super) async fn open(
        config: &Config,
        supervisor: &Supervisor,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, AppError> {
        let (services, state) = watch::channel(None);
        let Some(web) = &config.web else {
            return Ok(Self { url: None, discord: None, services, serving: None });
        };
        let listen = |error| AppError::ListenWeb(web.addr, error);
        let listener = TcpListener::bind(web.addr).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let url = web.public_url.clone().unwrap_or_else(|| PublicUrl::of_listener(address));
        tracing::info!(%address, public_url = %url, "serving the web pages");
        if web.discord.is_some() {
            let redirect = url.join(RETURN_PATH);
            tracing::info!(
                redirect,
                "people can sign in with Discord: in the developer portal, this address must be under OAuth2 → Redirects"
            );
        }
        if url.is_https() && web.proxies.is_empty() {
            tracing::warn!(
                "TRUSTED_PROXIES is not set: everybody who comes through a proxy counts as one address in the limits on requests"
            );
        }
        let url = Arc::new(url);
        let state = WebState {
            url: Arc::clone(&url),
            proxies: Arc::new(web.proxies.clone()),
            limits: Arc::new(RequestLimits::new(web.requests_per_minute)),
            clock: clock(),
            services: state,
        };
        let serving = supervisor.spawn_until("web", until(stop.clone()), serve_web(listener, state, stop));
        Ok(Self { url: Some(url), discord: web.discord.clone(), services, serving: Some(serving) })
    }

    /// The people who use the pages, if there are pages.
    pub(super) fn accounts(
        &self,
        parts: &ServiceParts,
        quotas: &Arc<UserQuotas>,
        lookups: &Arc<Lookups>,
    ) -> Option<Arc<Accounts>> {
        let url = self.url.as_ref()?;
        let oauth = self.discord.clone().map(|DiscordSignInConfig { secret, base }| {
            parts.rest.oauth(OAuthConfig { base, application: parts.identity.application, secret })
        });
        Some(Arc::new(Accounts::new(parts, Arc::clone(quotas), Arc::clone(lookups), Arc::clone(url), oauth)))
    }

    /// Has the pages use these, until the guard is dropped.
    pub(super) fn serve(&self, services: WebServices) -> ServingGuard<'_> {
        self.services.send_replace(Some(Arc::new(services)));
        ServingGuard(&self.services)
    }

    /// Waits until the last answers are given, after it was told to stop.
    pub(super) async fn close(self) {
        if let Some(mut serving) = self.serving {
            serving.join().await;
        }
    }
}

/// While it lives, the pages are of use.
pub(super) struct ServingGuard<'a>(&'a watch::Sender<Option<Arc<WebServices>>>);

impl Drop for ServingGuard<'_> {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}
