//! The parameters of queries: what an endpoint doesn't know is refused, so that nobody takes a misspelt
//! filter for one that was applied. What there is says the API's own description.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;

use crate::domain::text;

use super::problem::{Problem, ProblemCode};

/// How much of an unknown name is repeated, in characters.
const LONGEST_NAME: usize = 50;

/// The names of the parameters, by the path and the method (in lower case) of each endpoint.
#[derive(Debug, Clone)]
pub(super) struct KnownParameters(Arc<HashMap<(String, String), Vec<String>>>);

impl KnownParameters {
    /// Those that the API's description names.
    pub(super) fn of(document: &Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
        });
        let names = |operation: &Value| {
            let all = operation["parameters"].as_array().into_iter().flatten();
            let all = all.filter(|parameter| parameter["in"] == "query");
            all.filter_map(|parameter| parameter["name"].as_str().map(ToOwned::to_owned)).collect()
        };
        let known = operations.map(|(path, method, one)| ((path.clone(), method.clone()), names(one)));
        Self(Arc::new(known.collect()))
    }

    /// The endpoint's parameters. What the description doesn't have takes none.
    fn at(&self, described: &str, method: &Method) -> &[String] {
        let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
        // What has a second address is described at the first one.
        let path = described.strip_prefix("/api/follows/").map(|rest| format!("/api/v1/follows/{rest}"));
        let path = path.unwrap_or_else(|| described.to_owned());
        self.0.get(&(path, method)).map_or(&[], Vec::as_slice)
    }
}

/// Refuses a request with a parameter that its endpoint doesn't know.
pub(super) async fn check(
    State(known): State<KnownParameters>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if let (Some(path), Ok(Query(given))) =
        (path, Query::<Vec<(String, String)>>::try_from_uri(request.uri()))
    {
        let known = known.at(path, request.method());
        if let Some((unknown, _)) = given.iter().find(|(name, _)| !known.contains(name)) {
            return Err(refusal(unknown, known));
        }
    }
    Ok(next.run(request).await)
}

fn refusal(unknown: &str, known: &[String]) -> Problem {
    let takes = match known {
        [] => "This address takes no parameters.".to_owned(),
        known => format!("This address takes {}.", known.join(", ")),
    };
    let detail = format!("There is no parameter \"{}\". {takes}", text::cut(unknown, LONGEST_NAME));
    Problem::new(ProblemCode::InvalidQuery).with_detail(detail)
}
