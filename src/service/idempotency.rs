//! Requests with a key: each is done once, and its answer is given again for a day. What an answer looks
//! like is up to the callers.

use crate::domain::clock::Clock;
use crate::domain::idempotency::KeyedRequest;
use crate::store::{KeyState, Store};

use super::{ServiceError, ServiceParts};

/// The answers that are kept.
pub struct KeptAnswers {
    store: Store,
    clock: Clock,
}

/// The right to work on a request. If neither [`KeptAnswers::keep`] nor [`KeptAnswers::release`] is called,
/// it ends after a minute.
#[derive(Debug)]
pub struct RequestClaim {
    request: KeyedRequest,
    claim: i64,
}

/// What is known of a request.
#[derive(Debug)]
pub enum RequestState {
    /// Nothing: work on it.
    New(RequestClaim),
    /// Somebody works on it.
    InUse,
    /// The key belongs to another request.
    OtherRequest,
    /// It was answered so.
    Answered(Vec<u8>),
}

impl KeptAnswers {
    /// Those in this database.
    pub fn new(parts: &ServiceParts) -> Self {
        Self { store: parts.store.clone(), clock: parts.clock }
    }

    /// Claims a request, or says what is known of it.
    pub async fn claim(&self, request: KeyedRequest) -> Result<RequestState, ServiceError> {
        let claim = rand::random();
        Ok(match self.store.claim_request(&request, claim, self.clock.now()).await? {
            KeyState::Claimed => RequestState::New(RequestClaim { request, claim }),
            KeyState::InUse => RequestState::InUse,
            KeyState::OtherRequest => RequestState::OtherRequest,
            KeyState::Answered(answer) => RequestState::Answered(answer),
        })
    }

    /// Keeps the answer to a request.
    pub async fn keep(&self, claim: RequestClaim, answer: &[u8]) -> Result<(), ServiceError> {
        Ok(self.store.keep_answer(&claim.request, claim.claim, answer).await?)
    }

    /// Keeps no answer: the request may be tried again at once.
    pub async fn release(&self, claim: RequestClaim) -> Result<(), ServiceError> {
        Ok(self.store.release_request(&claim.request, claim.claim).await?)
    }
}
