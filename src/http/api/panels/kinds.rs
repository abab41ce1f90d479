//! The kinds of panels, and what can be configured in each.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::domain::panel::FormField;
use crate::domain::scope::TokenScope;
use crate::http::api::{ListOf, words};
use crate::http::caller::Identified;
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::panels::{PanelKindForm, Panels};

/// A kind of panel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PanelKind)]
pub(in crate::http::api) struct PanelKindView {
    /// Its name, for `kind`.
    #[schema(value_type = words::PanelKindName)]
    name: &'static str,
    /// What it shows.
    #[schema(example = "a welcome text with rules and links")]
    summary: &'static str,
    /// The title where none is given.
    #[schema(example = "Welcome")]
    title: &'static str,
    /// What a new panel's `config` may hold, as a JSON Schema (2020-12) of an object: its properties are
    /// texts, each with a title and a maximum length, and most with an example.
    #[schema(value_type = Object)]
    config_schema: Value,
}

impl PanelKindView {
    fn of(kind: PanelKindForm) -> Self {
        let PanelKindForm { name, summary, title, fields } = kind;
        Self { name, summary, title, config_schema: schema(&fields) }
    }
}

/// What may be filled into these fields.
fn schema(fields: &[FormField]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.id.to_owned(), property(field))).collect();
    let needed = fields.iter().filter(|field| field.required && field.value.is_empty());
    let required: Vec<&str> = needed.map(|field| field.id).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn property(field: &FormField) -> Value {
    let mut property = json!({ "type": "string", "title": field.label, "maxLength": field.most });
    if field.required {
        property["minLength"] = json!(1);
    }
    if !field.paragraph {
        property["pattern"] = json!("^[^\\r\\n]*$");
    }
    if !field.placeholder.is_empty() {
        property["examples"] = json!([field.placeholder]);
    }
    if !field.value.is_empty() {
        property["default"] = json!(field.value);
    }
    property
}

/// List the kinds of panels
///
/// With what can be configured in each.
#[utoipa::path(
    get,
    path = "/panel-kinds",
    tag = "Panels",
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "The kinds", body = ListOf<PanelKindView>))
)]
pub(in crate::http::api) async fn list(
    State(state): State<WebState>,
    caller: Identified,
) -> Result<Json<ListOf<PanelKindView>>, Problem> {
    caller.require(TokenScope::ServersRead)?;
    state.services()?;
    Ok(Json(ListOf { items: Panels::kind_forms().into_iter().map(PanelKindView::of).collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_described() {
        let fields = [
            FormField::line("name", "Name", 40).example("Ada"),
            FormField::paragraph("text", "Text", 2000).with("As before"),
            FormField::paragraph("links", "Links", 100).optional(),
        ];
        let expected = json!({
            "type": "object",
            "properties": {
                "name": {
                    "type": "string", "title": "Name", "maxLength": 40, "minLength": 1,
                    "pattern": "^[^\\r\\n]*$", "examples": ["Ada"],
                },
                "text": { "type": "string", "title": "Text", "maxLength": 2000, "minLength": 1, "default": "As before" },
                "links": { "type": "string", "title": "Links", "maxLength": 100 },
            },
            "required": ["name"],
            "additionalProperties": false,
        });
        assert_eq!(schema(&fields), expected);
    }
}
