//! What a kind of panel is. [`Kind`] is what one is written as, with types of its own; [`AnyKind`] is what the rest of the program sees, with JSON in their place.

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::panel::{Form, FormAnswers, FormField, PanelId, PanelView};

use super::sources::{Settings, Sources};

/// What a person filled in can't be taken: a sentence that says why, and what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// A data source failed: a few words for people, as "Discord did not answer". The last good values are shown instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Where a panel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its server.
    pub guild: GuildId,
    /// Its channel.
    pub channel: ChannelId,
}

/// What a view may use besides configuration and data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// Whose view.
    pub panel: PanelId,
    /// What stands above it.
    pub title: String,
    /// Where it is.
    pub place: Place,
    /// Since when it has shown what it shows: never the present moment, or every look would be a change.
    pub since: DateTime<Utc>,
}

/// What a press leads to, known by the name of its action alone, so that Discord is answered in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// Something is shown, to the person who pressed only. Anyone may.
    Show,
    /// A form opens; what is filled in arrives as another action with [`Input::filled`]. Sending it needs the right to manage the panel.
    Form,
    /// The panel changes. Needs the right to manage it.
    Change,
    /// Changes the panel for those who may manage it ([`Input::manager`]), and shows the same to others alone.
    Either,
}

/// A press, a choice, or a form that was sent.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What was pressed, in the kind's own words.
    pub action: &'a str,
    /// What was chosen in a menu.
    pub chosen: Option<&'a str>,
    /// What was filled into a form.
    pub filled: Option<&'a FormAnswers>,
    /// Whether the person may manage the panel. Only told where it matters: with [`Press::Change`], [`Press::Either`] and forms.
    pub manager: bool,
    /// The server where it was pressed: the panel's, or a mirror's.
    pub guild: GuildId,
    /// What the operator allows.
    pub settings: &'a Settings,
    /// The time.
    pub now: DateTime<Utc>,
}

/// What comes of a press. `C` is the kind's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<C> {
    /// This is shown to the person alone.
    Show(PanelView),
    /// The panel is shown to the person alone as it would be with this configuration.
    Preview(C),
    /// This form opens.
    Ask(Form),
    /// The panel has this configuration from now on; the sentence says what happened.
    Change(C, String),
}

/// A kind of panel, in a file of its own. To add one, add it to [`KINDS`](super::KINDS).
pub trait Kind: Send + Sync + 'static {
    /// What an admin chooses. What is missing in a stored one takes its default.
    type Config: Serialize + DeserializeOwned + Default + Send + Sync;
    /// What its data source says; kept, to be shown when the source fails. The default is what is shown before the first.
    type Data: Serialize + DeserializeOwned + Default + Send + Sync;

    /// Its name in commands and in the database.
    const NAME: &'static str;
    /// What it shows, in a few words, beside its name in the command (with it at most 100 characters).
    const SUMMARY: &'static str;
    /// The title where none is given.
    const TITLE: &'static str;

    /// Whether such a panel may be made there.
    fn permit(_settings: &Settings, _guild: GuildId) -> Result<(), Invalid> {
        Ok(())
    }

    /// The only servers in which it may be seen, its mirrors included; none means all.
    fn only_in(_settings: &Settings) -> Option<Vec<GuildId>> {
        None
    }

    /// What is asked when one is made (without a configuration) or edited: at most four fields, the title stands above them. Without any, one is made at once.
    fn form(_config: Option<&Self::Config>) -> Vec<FormField> {
        Vec::new()
    }

    /// Reads and checks what was filled in.
    fn configure(former: Option<Self::Config>, _filled: &FormAnswers) -> Result<Self::Config, Invalid> {
        Ok(former.unwrap_or_default())
    }

    /// Asks the data source.
    fn gather(
        sources: &Sources,
        place: Place,
        config: &Self::Config,
    ) -> impl Future<Output = Result<Self::Data, Unavailable>> + Send;

    /// What is to be seen; the same for the same arguments. Whatever is too long is cut afterwards ([`PanelView::fitted`]).
    fn render(scene: &Scene, config: &Self::Config, data: &Self::Data) -> PanelView;

    /// What pressing this leads to; `None` where there is no such action (any more).
    fn press(_action: &str) -> Option<Press> {
        None
    }

    /// Answers a press, a choice or a form.
    fn act(
        _scene: &Scene,
        _config: Self::Config,
        _data: &Self::Data,
        _input: &Input<'_>,
    ) -> Result<Answer<Self::Config>, Invalid> {
        Err(Invalid::outdated())
    }
}

impl Invalid {
    /// There is no such action (any more).
    pub fn outdated() -> Self {
        Self(
            "This button is from an older version of the panel. Press Refresh, or ask for `/panel refresh`."
                .to_owned(),
        )
    }
}

/// A kind with its types hidden.
pub trait AnyKind: Send + Sync {
    /// [`Kind::NAME`].
    fn name(&self) -> &'static str;
    /// [`Kind::SUMMARY`].
    fn summary(&self) -> &'static str;
    /// [`Kind::TITLE`].
    fn title(&self) -> &'static str;
    /// [`Kind::permit`].
    fn permit(&self, settings: &Settings, guild: GuildId) -> Result<(), Invalid>;
    /// [`Kind::only_in`].
    fn only_in(&self, settings: &Settings) -> Option<Vec<GuildId>>;
    /// [`Kind::form`].
    fn form(&self, config: Option<&Value>) -> Vec<FormField>;
    /// [`Kind::configure`].
    fn configure(&self, former: Option<&Value>, filled: &FormAnswers) -> Result<Value, Invalid>;
    /// [`Kind::gather`].
    fn gather<'a>(
        &'a self,
        sources: &'a Sources,
        place: Place,
        config: &'a Value,
    ) -> BoxFuture<'a, Result<Value, Unavailable>>;
    /// [`Kind::render`], within Discord's limits.
    fn render(&self, scene: &Scene, config: &Value, data: Option<&Value>) -> PanelView;
    /// [`Kind::press`].
    fn press(&self, action: &str) -> Option<Press>;
    /// [`Kind::act`].
    fn act(
        &self,
        scene: &Scene,
        config: &Value,
        data: Option<&Value>,
        input: &Input<'_>,
    ) -> Result<Answer<Value>, Invalid>;
}

impl<K: Kind> AnyKind for K {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn summary(&self) -> &'static str {
        K::SUMMARY
    }

    fn title(&self) -> &'static str {
        K::TITLE
    }

    fn permit(&self, settings: &Settings, guild: GuildId) -> Result<(), Invalid> {
        K::permit(settings, guild)
    }

    fn only_in(&self, settings: &Settings) -> Option<Vec<GuildId>> {
        K::only_in(settings)
    }

    fn form(&self, config: Option<&Value>) -> Vec<FormField> {
        K::form(config.map(read::<K::Config>).as_ref())
    }

    fn configure(&self, former: Option<&Value>, filled: &FormAnswers) -> Result<Value, Invalid> {
        K::configure(former.map(read), filled).map(|config| write(&config))
    }

    fn gather<'a>(
        &'a self,
        sources: &'a Sources,
        place: Place,
        config: &'a Value,
    ) -> BoxFuture<'a, Result<Value, Unavailable>> {
        Box::pin(async move {
            let config = read(config);
            K::gather(sources, place, &config).await.map(|data| write(&data))
        })
    }

    fn render(&self, scene: &Scene, config: &Value, data: Option<&Value>) -> PanelView {
        K::render(scene, &read(config), &data.map(read).unwrap_or_default()).fitted()
    }

    fn press(&self, action: &str) -> Option<Press> {
        K::press(action)
    }

    fn act(
        &self,
        scene: &Scene,
        config: &Value,
        data: Option<&Value>,
        input: &Input<'_>,
    ) -> Result<Answer<Value>, Invalid> {
        let answer = K::act(scene, read(config), &data.map(read).unwrap_or_default(), input)?;
        Ok(match answer {
            Answer::Show(view) => Answer::Show(view.fitted()),
            Answer::Preview(config) => Answer::Preview(write(&config)),
            Answer::Ask(form) => Answer::Ask(form),
            Answer::Change(config, said) => Answer::Change(write(&config), said),
        })
    }
}

/// What was stored. What can't be read any more, as after a change of the kind, is as if it had never been.
fn read<T: DeserializeOwned + Default>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_else(|error| {
        tracing::warn!(%error, "what is stored of a panel can't be read");
        T::default()
    })
}

fn write(value: &impl Serialize) -> Value {
    // Plain structs of a kind; maps with other keys than texts are the one thing that JSON can't take.
    serde_json::to_value(value).unwrap_or_default()
}
