//! Checks one HTTP exchange against Discord's own OpenAPI 3.1 description.
//!
//! This module answers the question "would Discord's description allow this request and this answer?". Where
//! the exchange comes from, and what to do about a violation, is up to others. The description isn't part of
//! the crate: its path is given at run time.
//!
//! ```text
//! openapi.json ─► description: operations, with ids of schemas
//!                  └► schema: schemas rewritten once, validators compiled when first needed, then kept
//! Call ─► route (template) ─► path and query parameters ─► request ─► status ─► answer ─► exceptions ─► violations
//! ```
//!
//! Requests are checked strictly: a property that the description doesn't list is a violation, because a
//! field that Discord ignores is usually a typo. Answers may have additional properties, as Discord's own do.
//!
//! A [`Violation`] never contains a value from the exchange, only names, pointers and limits. So it can be
//! logged, although paths and bodies contain tokens.

mod description;
mod exception;
mod finding;
mod parameters;
mod route;
mod schema;
#[cfg(test)]
mod tests;

use std::{fmt, fs, io, path::Path};

use serde_json::Value;

pub use self::exception::{Exception, Exceptions};
use self::{
    description::{Answer, Description, Operation},
    finding::Finding,
    route::Match,
};

/// Discord's description, ready to check exchanges. Cheap to share: `Send`, `Sync`, and lock-free once warm.
pub struct Contract {
    description: Description,
    exceptions: Exceptions,
}

/// One exchange: what was asked and what was answered.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The HTTP method, in capitals.
    pub method: &'a str,
    /// The path without `/api/v10` and without the query, as it was sent (percent-encoded).
    pub path: &'a str,
    /// The query without `?`, as it was sent.
    pub query: Option<&'a str>,
    /// The JSON body. For a multipart body, the value of `payload_json`, or else its other fields, except the
    /// files, as an object.
    pub request: Option<&'a Value>,
    /// The answer's status.
    pub status: u16,
    /// The answer's JSON body; `None` if there was no body or it isn't JSON.
    pub response: Option<&'a Value>,
}

/// The part of an exchange that a violation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The method and the path; the pointer names a path parameter.
    Route,
    /// The query; the pointer names a parameter.
    Query,
    /// The request's body.
    Request,
    /// The answer's status, separate from the body so that an exception for one doesn't cover the other.
    Status,
    /// The answer's body.
    Response,
}

/// One thing in an exchange that the description doesn't allow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Method and template, such as `POST /channels/{channel_id}/followers`. In an unknown route, segments
    /// that no template has are shown as `{?}`.
    pub operation: String,
    /// The part of the exchange.
    pub place: Place,
    /// JSON pointer into that part. For a missing or unknown property, where it would be or is.
    pub pointer: String,
    /// What is wrong, without the value.
    pub message: String,
}

/// Why a description can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// The file can't be read.
    #[error("the OpenAPI description can't be read")]
    Read(#[from] io::Error),
    /// The file isn't JSON.
    #[error("the OpenAPI description isn't JSON")]
    Json(#[from] serde_json::Error),
    /// The file is JSON but not an OpenAPI 3.1 description that this module understands.
    #[error("the OpenAPI description can't be used: {0}")]
    Description(String),
}

impl Contract {
    /// Reads a description from a file (Discord's is 1.2 MB) without compiling its schemas yet.
    ///
    /// # Errors
    /// If the file can't be read, or isn't an OpenAPI 3.1 description in JSON.
    pub fn load(path: &Path) -> Result<Self, ContractError> {
        Self::from_value(&serde_json::from_slice(&fs::read(path)?)?)
    }

    /// Uses a description that has already been read.
    ///
    /// # Errors
    /// If the value isn't an OpenAPI 3.1 description.
    pub fn from_value(document: &Value) -> Result<Self, ContractError> {
        Ok(Self { description: Description::read(document)?, exceptions: Exceptions::default() })
    }

    /// Sets the list of violations that are known and accepted.
    #[must_use]
    pub fn with_exceptions(mut self, exceptions: Exceptions) -> Self {
        self.exceptions = exceptions;
        self
    }

    /// The exceptions, for example to see which were never used.
    #[must_use]
    pub fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    /// Everything in the exchange that the description doesn't allow, except what an exception covers.
    ///
    /// The request is checked whatever the status: a bot's mistake is still one if the answer is a 400. The
    /// first check of an operation compiles its schemas (about 10 ms for a message); later ones take well
    /// under 5 ms.
    #[must_use]
    pub fn check(&self, call: &Call<'_>) -> Vec<Violation> {
        let (operation, findings) = match self.description.find(call.method, call.path) {
            Match::Operation(operation, segments) => {
                (operation.name.clone(), self.check_operation(operation, &segments, call))
            }
            Match::OtherMethod(name) => {
                (name, vec![Finding::route("the description has no such method here")])
            }
            Match::Nothing(name) => (name, vec![Finding::route("the description has no such path")]),
        };
        let mut violations: Vec<_> = findings.into_iter().map(|finding| finding.at(&operation)).collect();
        violations.retain(|violation| !self.exceptions.cover(violation));
        violations.sort();
        violations.dedup();
        violations
    }

    fn check_operation(&self, operation: &Operation, segments: &[String], call: &Call<'_>) -> Vec<Finding> {
        let schemas = &self.description.schemas;
        let mut findings = parameters::check_path(schemas, &operation.path_parameters, segments);
        findings.extend(parameters::check_query(schemas, &operation.query, call.query));
        findings.extend(self.check_request(operation, call.request));
        match operation.answer(call.status) {
            Some(answer) => findings.extend(self.check_response(answer, call)),
            None => {
                let message = format!("status {} isn't described", call.status);
                findings.push(Finding::new(Place::Status, message));
            }
        }
        findings
    }

    fn check_request(&self, operation: &Operation, request: Option<&Value>) -> Vec<Finding> {
        match (&operation.request, request) {
            (Some(body), Some(value)) => self.description.schemas.check(body.schema, Place::Request, value),
            (Some(body), None) if body.required => vec![Finding::new(Place::Request, "a body is required")],
            (None, Some(_)) => vec![Finding::new(Place::Request, "no body is described")],
            (Some(_) | None, None) => Vec::new(),
        }
    }

    fn check_response(&self, answer: &Answer, call: &Call<'_>) -> Vec<Finding> {
        match (answer, call.response) {
            (Answer::Json(schema), Some(value)) => {
                self.description.schemas.check(*schema, Place::Response, value)
            }
            (Answer::Json(_), None) => vec![Finding::new(Place::Response, "a JSON body is missing")],
            (Answer::Empty, Some(_)) => {
                vec![Finding::new(Place::Response, format!("status {} has no body", call.status))]
            }
            (Answer::Other, Some(_)) => vec![Finding::new(Place::Response, "the body shouldn't be JSON")],
            (Answer::Empty | Answer::Other, None) => Vec::new(),
        }
    }
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract").field("exceptions", &self.exceptions).finish_non_exhaustive()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Route => "route",
            Self::Query => "query",
            Self::Request => "request",
            Self::Status => "status",
            Self::Response => "response",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.place)?;
        if !self.pointer.is_empty() {
            write!(f, " {}", self.pointer)?;
        }
        write!(f, ": {}", self.message)
    }
}
