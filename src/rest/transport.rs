//! The one place that sends. It takes a call through the rate limits, sends it, reads the answer, and repeats
//! what may be repeated.

use std::time::Duration;

use rand::Rng;
use reqwest::multipart::Form;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use tokio::time::{Instant, sleep};

use super::Rest;
use super::call::Call;
use super::code::ErrorCode;
use super::error::{DoubtReason, RateLimitScope, RefusedFields, RestError};
use super::fields::WrongFields;
use super::limiter::{AnswerFacts, AnswerKind, FuseBlown, FuseState, LimitKey, Permit, is_json};
use super::meaning::RefusalMeaning;
use super::metrics;
use super::uploads::UploadEnd;

/// How often a call is repeated after failures, and after 429s. A limit that refuses more often in a row
/// counts as a failure.
const REPETITIONS: u32 = 3;
/// The first pause before a repetition. Each pause is twice as long as the one before, give or take a half.
const PAUSE: Duration = Duration::from_millis(300);
/// The largest answer that is read, in bytes. Discord's largest (a server's channels) are far smaller.
const LARGEST_ANSWER: usize = 32 << 20;
/// How much of Discord's own text for an error is kept, in characters.
const LONGEST_MESSAGE: usize = 200;

/// The body of a refusal. Without a code and a message, it isn't Discord's.
#[derive(Deserialize)]
struct RefusalBody {
    code: ErrorCode,
    message: String,
    /// Which fields of the request are wrong, for code 50035.
    #[serde(default)]
    errors: Value,
}

/// An answer as it came back.
struct Received {
    status: StatusCode,
    body: Result<Vec<u8>, DoubtReason>,
    answer: AnswerFacts,
}

impl Rest {
    /// Performs a call and reads what it answers.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, RestError> {
        understand(&call, &self.perform(&call).await?)
    }

    /// Performs a call with a form, and reads what it answers. The form can be sent only once, so the call is
    /// never repeated, not even after a 429. Ends as [`RestError::NotSent`] where it is certain that the form
    /// didn't arrive whole.
    pub(super) async fn upload<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        form: Form,
        upload_end: &UploadEnd,
    ) -> Result<T, RestError> {
        self.admit(self.shared.upload_timeout).await?;
        let permit =
            self.shared.limits.wait_turn(self.key(call), false, Instant::now() + self.patience).await?;
        let request = self.request(call).multipart(form).timeout(self.shared.upload_timeout);
        understand(call, &self.exchange(call, permit, request, Some(upload_end)).await?)
    }

    /// Performs a call: waits for its turn, sends it, and repeats it within the client's patience where that
    /// is safe. That is so after a 429, when it certainly wasn't performed, and after a failure of a call
    /// that may be done twice.
    #[tracing::instrument(name = "request", level = "debug", skip_all, fields(route = %call.route()))]
    pub(super) async fn perform(&self, call: &Call<'_>) -> Result<Vec<u8>, RestError> {
        let deadline = Instant::now() + self.patience;
        let mut again = false;
        for repetition in 0.. {
            self.admit(self.shared.request_timeout).await?;
            let permit = self.shared.limits.wait_turn(self.key(call), again, deadline).await?;
            let error = match self.exchange(call, permit, self.request(call), None).await {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            again = matches!(error, RestError::RateLimited { .. });
            let pause = match &error {
                _ if repetition >= REPETITIONS => return Err(error),
                // The next turn comes after the time that Discord asked for, or not at all if that is too
                // late.
                RestError::RateLimited { .. } => Duration::ZERO,
                RestError::NotSent => pause(repetition),
                // These count towards Discord's ban, and an outage of the whole edge isn't over in a second.
                RestError::Edge { status: 401 | 403, .. } => return Err(error),
                RestError::Server { .. } | RestError::Edge { .. } | RestError::InDoubt(_)
                    if call.route().verb.repeatable() =>
                {
                    pause(repetition)
                }
                _ => return Err(error),
            };
            if Instant::now() + pause >= deadline {
                return Err(error);
            }
            sleep(pause).await;
        }
        Err(RestError::NotSent)
    }

    fn key(&self, call: &Call<'_>) -> LimitKey {
        call.key(self.urgency, self.requester)
    }

    fn request(&self, call: &Call<'_>) -> RequestBuilder {
        call.build(&self.shared.client, &self.shared.base, &self.shared.token)
    }

    /// Sends one request and classifies what becomes of it. `upload_end` tells whether a streamed request got
    /// to its end.
    async fn exchange(
        &self,
        call: &Call<'_>,
        permit: Permit,
        request: RequestBuilder,
        upload_end: Option<&UploadEnd>,
    ) -> Result<Vec<u8>, RestError> {
        let begun = Instant::now();
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                // The limits still count the request, unless there was no connection: Discord may have
                // counted it, from its first line on.
                let error = no_answer(call, permit, &error);
                let never_whole = upload_end.is_some_and(UploadEnd::bar);
                return Err(if never_whole { RestError::NotSent } else { error });
            }
        };
        let received_at = Instant::now();
        let Received { status, body, answer } = receive(response).await;
        let kind = answer.kind;
        let pause = permit.record_answer(received_at, &answer);
        metrics::request(call.route(), status.as_u16().to_string());
        tracing::debug!(route = %call.route(), status = status.as_u16(), took = ?begun.elapsed(), "answered");
        self.watch(call, kind);
        if let AnswerKind::Limited { retry_after, scope } = kind {
            let (retry_after, in_a_row) =
                pause.map_or((retry_after, 1), |pause| (pause.wait, pause.in_a_row));
            if let Some((limit, period)) = pause.and_then(|pause| pause.learned) {
                tracing::info!(route = %call.route(), limit, ?period, "a rate limit that no header tells of is kept from now on");
            }
            return Err(if in_a_row > REPETITIONS {
                RestError::StillLimited { retry_after, scope }
            } else {
                RestError::RateLimited { retry_after, scope }
            });
        }
        if status.is_success() {
            let body = body.map_err(RestError::InDoubt)?;
            // A captive portal's page says 200, too.
            let ours = body.is_empty() || is_json(&body);
            return if ours { Ok(body) } else { Err(edge(status, ErrorCode::GENERAL)) };
        }
        let error = self.refusal(call, status, &body.unwrap_or_default());
        // Something that refused before the whole form had arrived can't have passed it on.
        let early = matches!(error, RestError::Edge { .. }) && upload_end.is_some_and(UploadEnd::bar);
        Err(if early { RestError::NotSent } else { error })
    }

    /// Counts what can lead to a ban, and logs it.
    fn watch(&self, call: &Call<'_>, kind: AnswerKind) {
        let invalid = match kind {
            AnswerKind::Handled | AnswerKind::ServerError => return,
            AnswerKind::Invalid | AnswerKind::RefusedByEdge => true,
            AnswerKind::Limited { retry_after, scope } => {
                metrics::rate_limited(scope);
                tracing::warn!(route = %call.route(), %scope, ?retry_after, "rate limited");
                scope != RateLimitScope::Shared
            }
        };
        if invalid {
            metrics::invalid_request();
            match self.shared.limits.newly_blown(self.requester) {
                None => {}
                Some(FuseBlown::All(FuseState { invalid, retry_after, .. })) => tracing::error!(
                    invalid,
                    ?retry_after,
                    "too many invalid requests: stopping before Discord bans this address"
                ),
                Some(FuseBlown::Server(guild, retry_after)) => {
                    metrics::paused("server");
                    tracing::warn!(%guild, ?retry_after, "a server caused too many invalid requests: its requests pause");
                }
                Some(FuseBlown::Person(guild, retry_after)) => {
                    metrics::paused("person");
                    tracing::warn!(%guild, ?retry_after, "a person caused too many invalid requests: their requests pause");
                }
            }
        }
    }

    /// What an answer means that isn't a success. Only Discord's own JSON with a known code is believed.
    fn refusal(&self, call: &Call<'_>, status: StatusCode, body: &[u8]) -> RestError {
        if status.is_server_error() {
            return RestError::Server { status: status.as_u16() };
        }
        let Ok(RefusalBody { code, message, errors }) = serde_json::from_slice(body) else {
            return edge(status, ErrorCode::GENERAL);
        };
        if !status.is_client_error() {
            return edge(status, code);
        }
        match RefusalMeaning::of(code) {
            Some(RefusalMeaning::WebhookToken) => RestError::WebhookToken,
            Some(RefusalMeaning::Denied(denied)) => RestError::Forbidden(denied),
            Some(RefusalMeaning::Missing(missing)) => RestError::NotFound(missing),
            Some(RefusalMeaning::Refused) => {
                let fields = WrongFields::read(&errors);
                if !fields.is_empty() {
                    tracing::warn!(route = %call.route(), %code, %fields, "Discord refused fields of a request");
                }
                let message: String = message.chars().filter(|c| !c.is_control()).collect();
                let message =
                    call.redact(&message, &self.shared.token).chars().take(LONGEST_MESSAGE).collect();
                let fields = RefusedFields { username: errors.get("username").is_some() };
                RestError::Refused { status: status.as_u16(), code, fields, message }
            }
            // Discord answers like this when it doesn't accept the bot's token.
            None if status == StatusCode::UNAUTHORIZED && code == ErrorCode::GENERAL && call.is_bots() => {
                RestError::Unauthorized
            }
            None => edge(status, code),
        }
    }
}

const fn edge(status: StatusCode, code: ErrorCode) -> RestError {
    RestError::Edge { status: status.as_u16(), code }
}

fn understand<T: DeserializeOwned>(call: &Call<'_>, body: &[u8]) -> Result<T, RestError> {
    serde_json::from_slice(body).map_err(|error| {
        // Only the position and kind are logged: the text of the error can quote the answer.
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        tracing::warn!(route = %call.route(), ?kind, line, column, "answer not understood");
        match kind {
            Category::Data => RestError::Malformed,
            Category::Syntax | Category::Eof | Category::Io => edge(StatusCode::OK, ErrorCode::GENERAL),
        }
    })
}

async fn receive(mut response: Response) -> Received {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let body = read_body(response).await;
    let answer = AnswerFacts::read(status.as_u16(), &headers, body.as_deref().unwrap_or_default());
    Received { status, body, answer }
}

pub(super) async fn read_body(mut response: Response) -> Result<Vec<u8>, DoubtReason> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(DoubtReason::Unreadable),
            Err(error) if error.is_timeout() => return Err(DoubtReason::Timeout),
            Err(_) => return Err(DoubtReason::Broken),
        }
    }
}

/// Why there is no answer, and what that means for the limits. The library's error names the address, so it
/// goes no further.
fn no_answer(call: &Call<'_>, permit: Permit, error: &reqwest::Error) -> RestError {
    let (error, status) = if error.is_connect() || error.is_builder() {
        permit.record_unsent();
        (RestError::NotSent, "unreachable")
    } else if error.is_timeout() {
        (RestError::InDoubt(DoubtReason::Timeout), "timeout")
    } else {
        (RestError::InDoubt(DoubtReason::Broken), "broken")
    };
    metrics::request(call.route(), status.to_owned());
    tracing::debug!(route = %call.route(), status, "no answer");
    error
}

fn pause(repetition: u32) -> Duration {
    PAUSE.mul_f64(f64::from(1 << repetition.min(8)) * rand::rng().random_range(0.5..1.5))
}
