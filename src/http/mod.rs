//! What is served over HTTP, by two listeners: what operators read, without authentication and so for this
//! machine only; and the web pages with the API, for everybody. No rule lives here: handlers find out who
//! asks, call a service, and show the result.
//!
//! | file | what it owns |
//! |---|---|
//! | `health` | `/healthz`, `/readyz`, `/metrics` |
//! | `web` | the other listener: its state and its routes |
//! | `connections` | who may have how many, and how slow a client may be |
//! | `guard` | what every request must keep to, and what every answer says to browsers |
//! | `limits` | how many requests are answered; `etag`: which answers the client has already |
//! | `idempotency` | requests that are sent again get the answer that was given |
//! | `caller` | who asks: a guest, a person with a session, a token; `cookie`: the session's cookie |
//! | `parameters` | refuses parameters of queries that an endpoint doesn't know |
//! | `body` | reading forms and JSON; `id`: how ids are written; `time`: how times are |
//! | `problem` | everything that isn't a success, as RFC 9457 or as a page |
//! | `openapi` | the API's description, made from its handlers |
//! | `api` | the API, one resource a file |
//! | `feeds` | somebody's feed at a private address, for programs that read feeds |
//! | `pages` | the pages, which work without scripts; `assets`: their style and pictures |

mod api;
mod assets;
mod body;
mod caller;
mod connections;
mod cookie;
mod etag;
mod feeds;
mod guard;
mod health;
mod id;
mod idempotency;
mod limits;
mod openapi;
mod pages;
mod parameters;
mod problem;
mod time;
mod web;

pub use self::health::{Pages, healthcheck, serve};
pub use self::limits::RequestLimits;
pub use self::web::{WebServices, WebState, serve_web};
