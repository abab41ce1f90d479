//! The REST API: a table of routes (`routes`), and one file of handlers per kind of resource.
//!
//! A handler is one synchronous step: it reads the request, asks whether the bot may do this, calls a step of
//! `ops`, and answers JSON. What stands around it (reading bodies, faults, authorization, rate limits, the
//! log) is in `serve`.

mod applications;
mod authorize;
mod channels;
mod files;
mod guilds;
mod interactions;
mod messages;
mod oauth;
mod request;
mod routes;
mod serve;
mod threads;
mod users;
mod webhook_messages;
mod webhooks;

pub(crate) use authorize::PATH as AUTHORIZE_PATH;
pub(crate) use files::serve as serve_file;
pub(crate) use serve::entry;
