//! What programs send to make and change follows.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::follow::{DeliveryMethod, TagMode, ThreadScope};
use crate::domain::ids::ChannelId;
use crate::http::api::words;
use crate::http::body::word;
use crate::http::id::{Id, IdText};
use crate::http::problem::Problem;
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
    #[schema(value_type = Option<IdText>)]
    source_channel_id: Option<Id<ChannelId>>,
    /// The same as a link: instead of the id.
    source_link: Option<String>,
    /// Where to receive it.
    #[schema(value_type = IdText)]
    target_channel_id: Id<ChannelId>,
    /// Which posts: `all` (the default), `except` or `only`.
    #[schema(value_type = Option<words::FollowMode>)]
    mode: Option<String>,
    /// The tags for `except` and `only`: hashtags, or tags of the forum by their names.
    tags: Option<Vec<String>>,
    /// Which of the source's threads: `none`, `starter` or `all`.
    #[schema(value_type = Option<words::ThreadScope>)]
    threads: Option<String>,
    /// `auto` (the default), `native` or `relay`.
    #[schema(value_type = Option<words::DeliveryChoice>)]
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
    #[schema(value_type = Option<words::FollowMode>)]
    mode: Option<String>,
    /// The tags for `except` and `only`: hashtags, or tags of the forum by their names.
    tags: Option<Vec<String>>,
    /// Which of the source's threads: `none`, `starter` or `all`.
    #[schema(value_type = Option<words::ThreadScope>)]
    threads: Option<String>,
    /// `auto`, `native` or `relay`.
    #[schema(value_type = Option<words::DeliveryChoice>)]
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
            return Err(Problem::in_body("/backfill", &format!("At most {MOST_BACKFILL} posts.")));
        }
        let refused = |refusal: Refusal| Problem::from(ServiceError::from(refusal));
        let linked = self.source_channel_id.map(|Id(channel)| channel.to_string());
        let source = match (linked, self.source_link) {
            (Some(_), Some(_)) => {
                return Err(Problem::in_body(
                    "/sourceLink",
                    "Give either sourceChannelId or sourceLink, not both.",
                ));
            }
            (None, None) => return Err(Problem::in_body("/sourceChannelId", "Name the channel to follow.")),
            (Some(source), None) | (None, Some(source)) => source,
        };
        let source = SourceChoice::new(None, Some(&source))
            .map_err(|refusal| refused(refusal).at("/sourceLink".to_owned()))?;
        let options = options(self.mode, self.tags, self.threads, self.delivery, self.panels)?;
        let request = FollowRequest::new(source, self.target_channel_id.0).map_err(refused)?;
        Ok((FollowRequest { options, backfill: self.backfill, ..request }, self.confirm))
    }
}

impl FollowChangeBody {
    /// What is to change, and whether it is confirmed.
    pub(super) fn read(self) -> Result<(OptionsRequest, bool), Problem> {
        Ok((options(self.mode, self.tags, self.threads, self.delivery, self.panels)?, self.confirm))
    }
}

/// What is chosen for a follow, or for all that come from a collection.
pub(in crate::http::api) fn options(
    mode: Option<String>,
    tags: Option<Vec<String>>,
    threads: Option<String>,
    delivery: Option<String>,
    panels: Option<bool>,
) -> Result<OptionsRequest, Problem> {
    let modes = TagMode::ALL.iter().map(|mode| (mode.as_str(), *mode));
    let scopes = ThreadScope::ALL.iter().map(|scope| (scope.as_str(), *scope));
    let methods = DeliveryMethod::ALL.iter().map(|method| (method.as_str(), DeliveryChoice::Fixed(*method)));
    let mode = word(mode.as_deref(), "/mode", modes)?;
    let threads = word(threads.as_deref(), "/threads", scopes)?;
    let choices = [("auto", DeliveryChoice::Auto)].into_iter().chain(methods);
    let delivery = word(delivery.as_deref(), "/delivery", choices)?;
    let tags = tags.map(typed).transpose()?;
    Ok(OptionsRequest { mode, tags, threads, delivery, panels })
}

/// Tags as people type them: separated by commas, and in quotes where they have a comma or a quote of their
/// own.
fn typed(tags: Vec<String>) -> Result<String, Problem> {
    if tags.len() > MOST_TAGS {
        return Err(Problem::in_body("/tags", &format!("At most {MOST_TAGS} tags.")));
    }
    let quoted = |tag: &String| {
        let plain = !tag.contains([',', '"']);
        if plain { tag.clone() } else { format!("\"{}\"", tag.replace('"', "\"\"")) }
    };
    Ok(tags.iter().map(quoted).collect::<Vec<_>>().join(", "))
}
