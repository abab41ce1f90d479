//! One's API tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use maud::{Markup, html};

use crate::domain::account::{
    ApiTokenId, LONGEST_TOKEN_NAME, StoredApiToken, TokenLifetime, TokenName, WebSession,
};
use crate::domain::api_token::ApiToken;
use crate::domain::ids::GuildId;
use crate::domain::scope::TokenScope;
use crate::http::body::{FormFields, Ids};
use crate::http::caller::Person;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::accounts::TokenRequest;

use super::layout::page;
use super::{day, see_other};

const PATH: &str = "/settings/tokens";

/// `GET /settings/tokens`.
pub(super) async fn show(State(state): State<WebState>, Person(own): Person) -> Result<Markup, Problem> {
    let tokens = state.services()?.accounts.tokens(own.account.user).await?;
    Ok(page("Your API tokens", Some(&own), PATH, html! { (list(&tokens, &own)) (form(&own)) }))
}

/// `POST /settings/tokens`: the one answer in which the token can be read.
pub(super) async fn create(
    State(state): State<WebState>,
    Person(own): Person,
    fields: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let made = state.services()?.accounts.create_token(own.account.user, read(&fields)?).await?;
    let (token, stored) = made.ok_or_else(|| Problem::new(ProblemCode::TooManyTokens))?;
    Ok((StatusCode::CREATED, page("Your new token", Some(&own), "", shown_once(&token, &stored))))
}

/// `POST /settings/tokens/{id}/revoke`.
pub(super) async fn revoke(
    State(state): State<WebState>,
    Person(own): Person,
    Ids(Id(id)): Ids<Id<ApiTokenId>>,
    _: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let revoked = state.services()?.accounts.revoke_token(own.account.user, id).await?;
    if revoked { Ok(see_other(PATH)) } else { Err(Problem::new(ProblemCode::NotFound)) }
}

/// What the form says, or what is wrong with it.
fn read(fields: &FormFields) -> Result<TokenRequest, Problem> {
    let wrong = |detail| Problem::new(ProblemCode::InvalidBody).with_detail(detail);
    let name = TokenName::parse(fields.one("name"))
        .ok_or_else(|| wrong("Go back and give the token a name of 1 to 50 visible characters."))?;
    let scopes = fields.all("scope").map(TokenScope::parse).collect::<Option<Vec<_>>>();
    let scopes = scopes.ok_or_else(|| wrong("There is no such scope."))?;
    if scopes.is_empty() {
        return Err(wrong("Go back and choose at least one thing that the token may be used for."));
    }
    let server = Some(fields.one("server")).filter(|server| !server.is_empty());
    let server =
        server.map(Id::<GuildId>::parse).transpose().map_err(|_| wrong("This is no server's id."))?;
    let server = server.map(|Id(server)| server);
    let lifetime = TokenLifetime::parse(fields.one("lifetime"))
        .ok_or_else(|| wrong("Go back and choose how long it works."))?;
    Ok(TokenRequest { name, scopes: scopes.into_iter().collect(), server, lifetime })
}

fn shown_once(token: &ApiToken, stored: &StoredApiToken) -> Markup {
    html! {
        div.panel {
            p { "This is " b { (stored.name) } ". Copy it now: it is shown only here and now." }
            code.secret { (token.text()) }
            p.faint { "Anybody who has it can act in your name, within its scopes. Keep it like a password." }
        }
        p { a href=(PATH) { "Back to your tokens" } }
    }
}

fn list(tokens: &[StoredApiToken], own: &WebSession) -> Markup {
    html! {
        @if tokens.is_empty() {
            p { "You have no tokens. A program uses one to do in your name what its scopes allow." }
        } @else {
            div.scroll {
                table {
                    thead { tr { th { "Name" } th { "May be used for" } th { "Where" } th { "Works until" } th { "Last used" } th { "" } } }
                    tbody {
                        @for token in tokens {
                            tr {
                                td { (token.name) }
                                td { code { (token.scopes) } }
                                td { (place(token, own)) }
                                td { @if let Some(end) = token.expires_at { (day(end)) } @else { "revoked" } }
                                td { @if let Some(used) = token.used_on { (day(used)) } @else { "never" } }
                                td {
                                    form method="post" action={ (PATH) "/" (token.id.0) "/revoke" } {
                                        button.danger type="submit" { "Revoke" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The server of a token, by its name where that is known.
fn place(token: &StoredApiToken, own: &WebSession) -> String {
    let Some(id) = token.server else { return "all servers".to_owned() };
    let known = own.account.servers.iter().find(|server| server.id == id);
    known.and_then(|server| server.name.clone()).unwrap_or_else(|| id.to_string())
}

fn form(own: &WebSession) -> Markup {
    html! {
        h2 { "Make a token" }
        form method="post" action=(PATH) {
            label { "Name" input type="text" name="name" required maxlength=(LONGEST_TOKEN_NAME) autocomplete="off"; }
            fieldset {
                legend { "What it may be used for" }
                @for scope in TokenScope::ALL {
                    label {
                        input type="checkbox" name="scope" value=(scope.as_str());
                        " " (scope.meaning()) " " span.faint { "(" code { (scope) } ")" }
                    }
                }
            }
            label {
                "Where"
                select name="server" {
                    option value="" { "All servers" }
                    @for server in &own.account.servers {
                        option value=(server.id) { (server.name.clone().unwrap_or_else(|| server.id.to_string())) }
                    }
                }
            }
            label {
                "How long it works"
                select name="lifetime" {
                    @for lifetime in TokenLifetime::ALL.iter().copied() {
                        option value=(lifetime.as_str()) selected[lifetime == TokenLifetime::Quarter] {
                            (words(lifetime))
                        }
                    }
                }
            }
            p { button type="submit" { "Make the token" } }
        }
    }
}

const fn words(lifetime: TokenLifetime) -> &'static str {
    match lifetime {
        TokenLifetime::Month => "30 days",
        TokenLifetime::Quarter => "90 days",
        TokenLifetime::Year => "A year",
        TokenLifetime::Unlimited => "Until I revoke it",
    }
}
