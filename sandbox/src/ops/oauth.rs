//! OAuth2: what a link to the authorization page may ask for, and how codes and tokens come and go.
//!
//! ```text
//!  link ─► authorization_request ─► authorize ─► code ─► exchange_code ─► tokens ─► bearer
//!                              └──► decline               refresh_tokens ◄──┘ └─► revoke
//! ```
//! Sentences are Discord's where they were seen, else those of RFC 6749 and 7636.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};
use form_urlencoded::Serializer;
use sha2::{Digest as _, Sha256};

use crate::ids::{ApplicationId, UserId};
use crate::model::{AuthorizationCode, AuthorizationRequest, OAuthScope, OAuthTokens};
use crate::world::{World, random_token};

/// How many characters an S256 challenge has: 32 bytes in base64.
const CHALLENGE_LENGTH: usize = 43;

/// Why nobody is asked to authorize anything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AuthorizationRefusal {
    /// It isn't known where to go back to: Discord says so itself, on a page.
    Page(&'static str),
    /// The browser is sent back to the application with the error.
    Redirect(String),
}

/// An error of the token endpoint: RFC 6749, section 5.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TokenError {
    pub(crate) error: &'static str,
    pub(crate) description: &'static str,
}

const fn token_error(error: &'static str, description: &'static str) -> TokenError {
    TokenError { error, description }
}

impl World {
    /// Reads and checks the query of a link to the authorization page.
    pub(crate) fn authorization_request(
        &self,
        query: &HashMap<String, String>,
    ) -> Result<AuthorizationRequest, AuthorizationRefusal> {
        let value = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let client = value("client_id").and_then(|text| text.parse::<ApplicationId>().ok());
        if client != Some(self.app.id) {
            return Err(AuthorizationRefusal::Page("Unknown application: the client_id isn’t known."));
        }
        let registered = value("redirect_uri")
            .filter(|uri| self.config.redirect_uris.iter().any(|registered| registered == uri));
        let Some(redirect_uri) = registered else {
            return Err(AuthorizationRefusal::Page(
                "Invalid OAuth2 redirect_uri: it must be exactly one of those that are registered for the application.",
            ));
        };
        let state = value("state");
        let refuse = |error, description| {
            let parameters = [("error", error), ("error_description", description)];
            AuthorizationRefusal::Redirect(self.back_to(redirect_uri, state, &parameters))
        };
        match value("response_type") {
            Some("code") => {}
            Some(_) => {
                return Err(refuse("unsupported_response_type", "Unsupported response_type parameter."));
            }
            None => return Err(refuse("invalid_request", "Missing response_type parameter.")),
        }
        let scopes = value("scope").and_then(OAuthScope::read_list).ok_or_else(|| {
            refuse("invalid_scope", "The requested scope is invalid, unknown, or malformed.")
        })?;
        let challenge = challenge(value("code_challenge"), value("code_challenge_method"))
            .map_err(|description| refuse("invalid_request", description))?;
        let silent = match value("prompt") {
            None | Some("consent") => false,
            Some("none") => true,
            Some(_) => return Err(refuse("invalid_request", "Invalid \"prompt\"")),
        };
        Ok(AuthorizationRequest {
            redirect_uri: redirect_uri.to_owned(),
            scopes,
            state: state.map(ToOwned::to_owned),
            challenge,
            silent,
        })
    }

    /// Whether the person has authorized all of this before.
    pub(crate) fn has_authorized(&self, user: UserId, scopes: &BTreeSet<OAuthScope>) -> bool {
        self.authorizations.scopes.get(&user).is_some_and(|before| scopes.is_subset(before))
    }

    /// The person authorizes what was asked for: where their browser goes, with a new code.
    pub(crate) fn authorize(&mut self, user: UserId, request: &AuthorizationRequest) -> String {
        let code = random_token(30);
        self.authorizations.scopes.entry(user).or_default().extend(&request.scopes);
        let granted = AuthorizationCode {
            user,
            scopes: request.scopes.clone(),
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            at: Instant::now(),
        };
        self.authorizations.codes.insert(code.clone(), granted);
        self.back_to(&request.redirect_uri, request.state.as_deref(), &[("code", &code)])
    }

    /// The person cancels: where their browser goes.
    pub(crate) fn decline(&self, request: &AuthorizationRequest) -> String {
        let parameters = [
            ("error", "access_denied"),
            ("error_description", "The resource owner or authorization server denied the request"),
        ];
        self.back_to(&request.redirect_uri, request.state.as_deref(), &parameters)
    }

    /// The application's address with an answer. `iss` says whose it is (RFC 9207).
    fn back_to(&self, redirect_uri: &str, state: Option<&str>, parameters: &[(&str, &str)]) -> String {
        let joint = if redirect_uri.contains('?') { '&' } else { '?' };
        let mut query = Serializer::new(format!("{redirect_uri}{joint}"));
        query.extend_pairs(parameters);
        query.extend_pairs(state.map(|state| ("state", state)));
        query.append_pair("iss", &self.base);
        query.finish()
    }

    /// Exchanges a code for tokens. It can be done once, with the same redirect URI, and with the verifier of
    /// the challenge if there was one.
    pub(crate) fn exchange_code(
        &mut self,
        form: &HashMap<String, String>,
    ) -> Result<OAuthTokens, TokenError> {
        const NO_CODE: TokenError = token_error("invalid_grant", "Invalid \"code\" in request.");
        let code = form.get("code").ok_or(token_error("invalid_request", "Missing \"code\" in request."))?;
        let granted = self.authorizations.codes.get(code).ok_or(NO_CODE)?;
        if granted.at.elapsed() >= self.config.authorization_code_life {
            self.authorizations.codes.remove(code);
            return Err(NO_CODE);
        }
        if form.get("redirect_uri") != Some(&granted.redirect_uri) {
            return Err(token_error("invalid_request", "Invalid \"redirect_uri\" in request."));
        }
        verify(granted.challenge.as_deref(), form.get("code_verifier").map(String::as_str))?;
        let granted = self.authorizations.codes.remove(code).ok_or(NO_CODE)?;
        Ok(self.issue_tokens(granted.user, granted.scopes))
    }

    /// New tokens in place of old ones, which end.
    pub(crate) fn refresh_tokens(
        &mut self,
        form: &HashMap<String, String>,
    ) -> Result<OAuthTokens, TokenError> {
        let refresh = form
            .get("refresh_token")
            .ok_or(token_error("invalid_request", "Missing \"refresh_token\" in request."))?;
        let tokens = &mut self.authorizations.tokens;
        let at = tokens
            .iter()
            .position(|tokens| tokens.refresh == *refresh)
            .ok_or(token_error("invalid_grant", "Invalid \"refresh_token\" in request."))?;
        let old = tokens.remove(at);
        Ok(self.issue_tokens(old.user, old.scopes))
    }

    fn issue_tokens(&mut self, user: UserId, scopes: BTreeSet<OAuthScope>) -> OAuthTokens {
        let life = TimeDelta::from_std(self.config.access_token_life).unwrap_or(TimeDelta::MAX);
        let expires = Utc::now().checked_add_signed(life).unwrap_or(chrono::DateTime::<Utc>::MAX_UTC);
        let (access, refresh) = (random_token(30), random_token(30));
        let tokens = OAuthTokens { access, refresh, user, scopes, expires };
        self.authorizations.tokens.push(tokens.clone());
        tokens
    }

    /// Ends everything that belongs to the authorization of this token. An unknown token is ended already.
    pub(crate) fn revoke_token(&mut self, token: &str) {
        let mut tokens = self.authorizations.tokens.iter();
        if let Some(found) = tokens.find(|tokens| tokens.access == token || tokens.refresh == token) {
            let user = found.user;
            self.revoke_authorization(user);
        }
    }

    /// Ends all codes and tokens of a person. They are asked again the next time.
    pub(crate) fn revoke_authorization(&mut self, user: UserId) {
        self.authorizations.scopes.remove(&user);
        self.authorizations.codes.retain(|_, code| code.user != user);
        self.authorizations.tokens.retain(|tokens| tokens.user != user);
    }

    /// Whose access token this is, if it is still good.
    pub(crate) fn bearer(&self, access: &str) -> Option<&OAuthTokens> {
        let tokens = self.authorizations.tokens.iter().find(|tokens| tokens.access == access);
        tokens.filter(|tokens| tokens.expires > Utc::now())
    }
}

/// The challenge of PKCE. Without a method it would be a plain one, which Discord doesn't take.
fn challenge(challenge: Option<&str>, method: Option<&str>) -> Result<Option<String>, &'static str> {
    match (challenge, method) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err("Missing \"code_challenge\""),
        (Some(challenge), Some("S256")) => {
            if challenge.len() == CHALLENGE_LENGTH && challenge.chars().all(is_url_safe) {
                Ok(Some(challenge.to_owned()))
            } else {
                Err("Invalid \"code_challenge\"")
            }
        }
        (Some(_), _) => Err("Unsupported \"code_challenge_method\""),
    }
}

fn is_url_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Whoever sent a challenge must send its verifier, and nobody else may send one.
fn verify(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), TokenError> {
    const INVALID: TokenError = token_error("invalid_request", "Invalid \"code_verifier\"");
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(INVALID),
        (Some(_), None) => Err(token_error("invalid_request", "Missing \"code_verifier\"")),
        (Some(challenge), Some(verifier)) => {
            let allowed = |c: char| is_url_safe(c) || matches!(c, '.' | '~');
            if !(43..=128).contains(&verifier.len()) || !verifier.chars().all(allowed) {
                return Err(INVALID);
            }
            if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == challenge {
                Ok(())
            } else {
                Err(token_error("invalid_grant", "Invalid \"code_verifier\" in request."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn challenges_are_s256_only() {
        assert_eq!(challenge(None, None), Ok(None));
        assert_eq!(challenge(Some(CHALLENGE), Some("S256")), Ok(Some(CHALLENGE.to_owned())));
        for method in [None, Some("plain"), Some("s256")] {
            assert!(challenge(Some(CHALLENGE), method).is_err(), "{method:?}");
        }
        for wrong in
            [&CHALLENGE[1..], "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", &format!("{CHALLENGE}=")]
        {
            assert!(challenge(Some(wrong), Some("S256")).is_err(), "{wrong}");
        }
        assert!(challenge(None, Some("S256")).is_err());
    }

    #[test]
    fn verifiers_fit_their_challenge() {
        assert_eq!(verify(Some(CHALLENGE), Some(VERIFIER)), Ok(()));
        fn error(challenge: Option<&str>, verifier: Option<&str>) -> &'static str {
            verify(challenge, verifier).expect_err("refused").error
        }
        assert_eq!(error(Some(CHALLENGE), None), "invalid_request");
        assert_eq!(error(None, Some(VERIFIER)), "invalid_request");
        let long = "a".repeat(129);
        for wrong in [&VERIFIER[..42], &long, &VERIFIER.replace('-', "+")] {
            assert_eq!(error(Some(CHALLENGE), Some(wrong)), "invalid_request", "{wrong}");
        }
        for length in [43, 128] {
            assert_eq!(error(Some(CHALLENGE), Some(&"a".repeat(length))), "invalid_grant");
        }
    }
}
