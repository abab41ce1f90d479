//! What programs send to make and change follows.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::follow::{DeliveryMethod, TagMode, ThreadScope};
use crate::domain::ids::ChannelId;
use crate::http::problem::{Problem, ProblemCode};
use crate::service::{
    DeliveryChoice, FollowRequest, MOST_BACKFILL, OptionsRequest, Refusal, ServiceError, SourceChoice,
};

/// How many tags are read at most.
const MOST_TAGS: usize = 100;

/// A follow to be made. If the pair is followed already, its options change to those that are given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewFollow)]
pub(in crate::http::api) struct NewFollowBody {
    /// The channel to follow: its id, in whatever server.
    #[schema(value_type = Option<String>, example = "197038439483310086")]
    source_channel_id: Option<ChannelId>,
    /// The same as a link: instead of the id.
    source_link: Option<String>,
    /// Where to receive it.
    #[schema(value_type = String, example = "197038439483310087")]
    target_channel_id: ChannelId,
    /// Which posts: `all` (also without it), `except` or `only`.
    mode: Option<String>,
    /// The tags for `except` and `only`: hashtags, or tags of the forum by their names.
    tags: Option<Vec<String>>,
    /// What of the source's threads: `none`, `starter` or `all`.
    threads: Option<String>,
    /// `auto` (also without it), `native` or `relay`.
    delivery: Option<String>,
    /// Whether the source's panels are mirrored, too.
    panels: Option<bool>,
    /// How many of the last posts are shown at once: 0 to 50.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 50)]
    backfill: u8,
    /// You know that this shows a private channel's posts to others.
    #[serde(default)]
    confirm: bool,
}

/// What is to change about a follow. What isn't given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FollowChange)]
pub(in crate::http::api) struct FollowChangeBody {
    /// Which posts: `all`, `except` or `only`.
    mode: Option<String>,
    /// The tags for `except` and `only`: hashtags, or tags of the forum by their names.
    tags: Option<Vec<String>>,
    /// What of the source's threads: `none`, `starter` or `all`.
    threads: Option<String>,
    /// `auto`, `native` or `relay`.
    delivery: Option<String>,
    /// Whether the source's panels are mirrored, too.
    panels: Option<bool>,
    /// You know that this shows a private channel's posts to others.
    #[serde(default)]
    confirm: bool,
}

/// Consent to what an action makes public.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Confirmation)]
pub(in crate::http::api) struct ConfirmBody {
    /// You know that this shows a private channel's posts to others.
    #[serde(default)]
    pub(super) confirm: bool,
}

impl NewFollowBody {
    /// What is asked for, and whether it is confirmed.
    pub(super) fn read(self) -> Result<(FollowRequest, bool), Problem> {
        if self.backfill > MOST_BACKFILL {
            return Err(wrong("/backfill", &format!("At most {MOST_BACKFILL} posts.")));
        }
        let refused = |refusal: Refusal| Problem::from(ServiceError::from(refusal));
        let linked = self.source_channel_id.map(|id| id.to_string());
        let source = match (linked, self.source_link) {
            (Some(_), Some(_)) => {
                return Err(wrong("/sourceLink", "Give either sourceChannelId or sourceLink, not both."));
            }
            (None, None) => return Err(wrong("/sourceChannelId", "Name the channel to follow.")),
            (Some(source), None) | (None, Some(source)) => source,
        };
        let source = SourceChoice::new(None, Some(&source))
            .map_err(|refusal| refused(refusal).at("/sourceLink".to_owned()))?;
        let options = options(self.mode, self.tags, self.threads, self.delivery, self.panels)?;
        let request = FollowRequest::new(source, self.target_channel_id).map_err(refused)?;
        Ok((FollowRequest { options, backfill: self.backfill, ..request }, self.confirm))
    }
}

impl FollowChangeBody {
    /// What is to change, and whether it is confirmed.
    pub(super) fn read(self) -> Result<(OptionsRequest, bool), Problem> {
        Ok((options(self.mode, self.tags, self.threads, self.delivery, self.panels)?, self.confirm))
    }
}

fn options(
    mode: Option<String>,
    tags: Option<Vec<String>>,
    threads: Option<String>,
    delivery: Option<String>,
    panels: Option<bool>,
) -> Result<OptionsRequest, Problem> {
    let mode = word(mode, "/mode", TagMode::parse, TagMode::ALL.iter().map(|mode| mode.as_str()))?;
    let threads =
        word(threads, "/threads", ThreadScope::parse, ThreadScope::ALL.iter().map(|scope| scope.as_str()))?;
    let known = ["auto"].into_iter().chain(DeliveryMethod::ALL.iter().map(|method| method.as_str()));
    let choice = |word: &str| match word {
        "auto" => Some(DeliveryChoice::Auto),
        word => DeliveryMethod::parse(word).map(DeliveryChoice::Fixed),
    };
    let delivery = word(delivery, "/delivery", choice, known)?;
    let tags = tags.map(typed).transpose()?;
    Ok(OptionsRequest { mode, tags, threads, delivery, panels })
}

fn word<T>(
    given: Option<String>,
    pointer: &str,
    parse: impl Fn(&str) -> Option<T>,
    known: impl Iterator<Item = &'static str>,
) -> Result<Option<T>, Problem> {
    let Some(given) = given else { return Ok(None) };
    let unknown = || wrong(pointer, &format!("It is one of {}.", known.collect::<Vec<_>>().join(", ")));
    parse(&given).map(Some).ok_or_else(unknown)
}

/// Tags as people type them: separated by commas, and in quotes where they have a comma or a quote of their
/// own.
fn typed(tags: Vec<String>) -> Result<String, Problem> {
    if tags.len() > MOST_TAGS {
        return Err(wrong("/tags", &format!("At most {MOST_TAGS} tags.")));
    }
    let quoted = |tag: &String| {
        let plain = !tag.contains([',', '"']);
        if plain { tag.clone() } else { format!("\"{}\"", tag.replace('"', "\"\"")) }
    };
    Ok(tags.iter().map(quoted).collect::<Vec<_>>().join(", "))
}

fn wrong(pointer: &str, detail: &str) -> Problem {
    Problem::new(ProblemCode::InvalidBody).with_detail(detail).at(pointer.to_owned())
}
