//! A Discord on loopback: gateway, REST, webhooks and people, for bots under test.
//!
//! A bot that takes another base URL than `https://discord.com` runs against it unmodified: it registers
//! commands, identifies, receives events, and makes and executes webhooks. A test acts as the people around
//! it, through [`Sandbox`] and its handles. The sandbox knows nothing of any particular bot.
//!
//! ```no_run
//! # async fn example() -> Result<(), tributary_sandbox::ActError> {
//! use tributary_sandbox::{Config, Options, Permissions, Sandbox};
//!
//! let sandbox = Sandbox::start(Config::default()).await?;
//! let harbour = sandbox.create_guild("Harbour");
//! let news = harbour.text("news");
//! let alice = harbour.member("Alice", Permissions::MANAGE_CHANNELS);
//! // … start the bot with `sandbox.base()` and `sandbox.token()` …
//! sandbox.wait_until_ready(std::time::Duration::from_secs(10)).await?;
//! let reply = alice.run(&news, "/ping", Options::new()).await?;
//! assert!(reply.is_ephemeral());
//! # Ok(())
//! # }
//! ```
//!
//! # How it is built
//! ```text
//!  people: driver ──┐                         ┌─► gateway::Hub ─► socket ─► the bot
//!                   ├─► ops: steps on World ──┤
//!  bot: rest ───────┘    (one lock)           └─► bell: wakes whoever waits
//! ```
//! | module | owns |
//! |---|---|
//! | `model`, `world` | what exists; permissions; look-ups with Discord's errors |
//! | `ops` | the steps that change the world, and their events |
//! | `rest` | the table of routes, one synchronous handler each; around them faults, authorization, limits, the log |
//! | `gateway` | sessions, intents, replay; the WebSocket |
//! | `wire` | the world as Discord's JSON |
//! | `validate`, `mentions` | Discord's limits and rules for bodies |
//! | `limits`, `faults` | rate limits with their headers; what goes wrong on demand |
//! | `driver` | people, moderators, waiting, rendering |
//! | `page` | the same for eyes and hands: a chat client in the browser ([`Sandbox::serve_page`]), and the page on which one authorizes the application |
//!
//! All state is in memory, behind one mutex. A step is synchronous and short, so events leave in the order of
//! the steps, and a wait ([`Sandbox::wait_for`]) is woken by each change instead of polling.
//!
//! # What is there, and what isn't
//! | supported | not supported |
//! |---|---|
//! | commands (global, guild), options, autocompletion, message and user commands, contexts, components, modals, deferrals, follow-ups | installing an application for oneself (`integration_types` is kept and shown), entitlements, command permissions by role, localisation |
//! | signing in with OAuth2 (see below) | other grants than `authorization_code` and `refresh_token`, public clients, other scopes |
//! | text, announcement, voice (its chat), stage, forum, media, category channels, threads, direct messages | voice connections, stage instances, group messages |
//! | messages with embeds, files, replies, forwards, stickers, polls, components (v2 too); mentions and who they notify | reactions, pins, votes, link previews (except by [`Channel::add_embeds`]), typing |
//! | webhooks, channel following, crossposts, their limits | Slack and GitHub bodies, audit log |
//! | identify, resume, sharding, intents, op 1, 2, 6, 7, 9, 10, 11; events of any form ([`Sandbox::send_event`]); a gateway that is away, refuses, says nothing or closes ([`GatewayOutage`]) | compression, ETF, member chunks, presences |
//! | rate limits per webhook, channel, route and bot | limits on IDENTIFY, invalid-request bans (they are counted) |
//!
//! # Signing in
//! Here as at Discord, an application learns by OAuth2 who sits before a browser. [`Sandbox::base`] takes the
//! place of `https://discord.com` in all addresses.
//!
//! | address | what it does |
//! |---|---|
//! | `GET /oauth2/authorize` | the page: one chooses which of the people one is, and authorizes the application or cancels. The choice is kept in a cookie, so that `prompt=none` can go straight back. `GET /oauth2/sign-out` forgets it |
//! | `POST /api/oauth2/token` | exchanges a code (once, within [`Config::authorization_code_life`]) or a refresh token, with Basic credentials or credentials in the form |
//! | `POST /api/oauth2/token/revoke` | ends all tokens of the person whose token it is |
//! | `GET /users/@me`, `/users/@me/guilds`, `/users/@me/guilds/{guild}/member`, `/oauth2/@me` | what a person's access token is good for, by its scopes: `identify`, `email`, `guilds`, `guilds.members.read` |
//!
//! Redirect URIs are registered with [`Config::redirect_uris`] or [`Sandbox::register_redirect_uri`]; the
//! application proves itself with [`Sandbox::client_secret`]. PKCE is S256 only, and whoever sent a challenge
//! must send its verifier. Every way back carries `iss`, which is [`Sandbox::base`]. Without a browser,
//! [`Person::authorize`] and [`Person::decline`] take a link and answer where the browser would go, and
//! [`Sandbox::revoke`] takes an authorization back. Faults strike these paths as all others. What happens on
//! the page is no exchange, and exchanges with the token endpoint are recorded without their secrets.

mod config;
mod driver;
mod error;
mod exchange;
mod faults;
mod gateway;
mod ids;
mod limits;
mod lock;
mod mentions;
mod model;
#[cfg(feature = "openapi")]
pub mod openapi;
mod ops;
mod page;
mod permissions;
mod rest;
mod server;
mod shared;
mod validate;
mod wire;
mod world;

pub use config::{Config, Observer};
pub use driver::{
    ActError, Arg, Channel, Choice, Guild, Options, Person, Post, Reply, ReplyKind, Sandbox, SeenAttachment,
    SeenCommand, SeenMessage, SeenPings, SeenWebhook, Tally,
};
pub use exchange::Exchange;
pub use faults::{Effect, Fault, FaultId, Hold, LimitScope};
pub use gateway::{GatewayFault, GatewayOutage, Intents};
pub use ids::{
    ApplicationId, AttachmentId, ChannelId, CommandId, GuildId, InteractionId, MessageId, RoleId, TagId,
    UserId, WebhookId,
};
pub use limits::{Limits, Quota};
pub use model::{ChannelKind, MessageFlags};
pub use page::{Page, open_in_browser};
pub use permissions::{Overwrite, OverwriteTarget, Permissions};
pub use shared::Counts;
