//! What a kind of panel is. A kind is written as a [`PanelKind`], with types of its own for configuration and
//! data. The rest of the program sees it as an [`AnyPanelKind`], with JSON in their place.

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::panel::{Form, FormAnswers, FormField, PanelId, PanelView};

use super::sources::{DataSources, PanelSettings, SourceUnavailable};

/// Why the program can't accept what a person filled in, as a sentence for them that also says what would be
/// accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidInput(pub String);

/// Where a panel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelLocation {
    /// Its server.
    pub guild: GuildId,
    /// Its channel.
    pub channel: ChannelId,
}

/// What a kind may use to render a view, besides configuration and data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelContext {
    /// The panel.
    pub panel: PanelId,
    /// Its title.
    pub title: String,
    /// Where it is.
    pub location: PanelLocation,
    /// Since when it has shown what it shows. Never the current time, or every refresh would be a change.
    pub since: DateTime<Utc>,
}

/// What pressing something leads to. The action's name alone decides it, so that Discord gets its answer in
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PressKind {
    /// The person who pressed, and nobody else, is shown something. Anyone may do this.
    Show,
    /// A form opens. What is filled in arrives as another action, with [`ActionInput::filled`]. Submitting it
    /// needs the right to manage the panel.
    OpenForm,
    /// The panel changes. Needs the right to manage it.
    Change,
    /// The panel changes where the person may manage it ([`ActionInput::manager`]). Anyone else is shown,
    /// privately, what it would look like.
    ChangeOrPreview,
}

/// A press, a choice in a menu, or a submitted form.
#[derive(Debug, Clone, Copy)]
pub struct ActionInput<'a> {
    /// What was pressed, as the kind itself named it.
    pub action: &'a str,
    /// What was chosen in a menu.
    pub chosen: Option<&'a str>,
    /// What was filled into a form.
    pub filled: Option<&'a FormAnswers>,
    /// Whether the person may manage the panel. Only set where it matters: with [`PressKind::Change`],
    /// [`PressKind::ChangeOrPreview`] and forms.
    pub manager: bool,
    /// The server where it was pressed: the panel's, or a mirror's.
    pub guild: GuildId,
    /// What the operator allows.
    pub settings: &'a PanelSettings,
    /// The current time.
    pub now: DateTime<Utc>,
}

/// What comes of an action. `C` is the kind's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionOutcome<C> {
    /// The person is shown this, privately.
    Show(PanelView),
    /// The person is shown, privately, how the panel would look with this configuration.
    Preview(C),
    /// This form opens.
    OpenForm(Form),
    /// The panel has this configuration from now on. The sentence tells the person what happened.
    Change(C, String),
}

/// A kind of panel, in a file of its own. To add one, add it to [`KINDS`](super::KINDS).
///
/// Each kind calls its two types `Config` and `Data`, after the associated types below. That is the one pair
/// of names that several types of the tree share: they are never seen outside their kind's file and are the
/// same thing for each kind.
pub trait PanelKind: Send + Sync + 'static {
    /// What an admin configures. A field that is missing in a stored one takes its default.
    type Config: Serialize + DeserializeOwned + Default + Send + Sync;
    /// What its data source says. It is stored, and shown when the source fails. The default is shown before
    /// the first data.
    type Data: Serialize + DeserializeOwned + Default + Send + Sync;

    /// Its name in commands and in the database.
    const NAME: &'static str;
    /// What it shows, in a few words, beside its name in the command (together at most 100 characters).
    const SUMMARY: &'static str;
    /// The title where none is given.
    const TITLE: &'static str;

    /// Whether such a panel may be created in this server.
    fn permit(_settings: &PanelSettings, _guild: GuildId) -> Result<(), InvalidInput> {
        Ok(())
    }

    /// The only servers in which it may be seen, mirrors included. `None` means all.
    fn only_in(_settings: &PanelSettings) -> Option<Vec<GuildId>> {
        None
    }

    /// The form for a new panel (no configuration yet) or an edited one: at most four fields, as the title is
    /// the first of Discord's five. A kind without fields needs no form for a new panel.
    fn form(_config: Option<&Self::Config>) -> Vec<FormField> {
        Vec::new()
    }

    /// Reads and checks what was filled in.
    fn configure(former: Option<Self::Config>, _filled: &FormAnswers) -> Result<Self::Config, InvalidInput> {
        Ok(former.unwrap_or_default())
    }

    /// Asks the data source.
    fn gather(
        sources: &DataSources,
        location: PanelLocation,
        config: &Self::Config,
    ) -> impl Future<Output = Result<Self::Data, SourceUnavailable>> + Send;

    /// What the panel shows. Pure: the same for the same arguments. Whatever is too long is cut afterwards
    /// ([`PanelView::fitted`]).
    fn render(context: &PanelContext, config: &Self::Config, data: &Self::Data) -> PanelView;

    /// What this action leads to. `None` if there is no such action (any more).
    fn press_kind(_action: &str) -> Option<PressKind> {
        None
    }

    /// Handles a press, a choice or a form.
    fn handle(
        _context: &PanelContext,
        _config: Self::Config,
        _data: &Self::Data,
        _input: &ActionInput<'_>,
    ) -> Result<ActionOutcome<Self::Config>, InvalidInput> {
        Err(InvalidInput::outdated())
    }
}

impl InvalidInput {
    /// There is no such action (any more).
    pub fn outdated() -> Self {
        Self(
            "This button is from an older version of the panel. Press Refresh, or ask for `/panel refresh`."
                .to_owned(),
        )
    }
}

/// A kind whose own types are hidden behind JSON.
pub trait AnyPanelKind: Send + Sync {
    /// [`PanelKind::NAME`].
    fn name(&self) -> &'static str;
    /// [`PanelKind::SUMMARY`].
    fn summary(&self) -> &'static str;
    /// [`PanelKind::TITLE`].
    fn title(&self) -> &'static str;
    /// [`PanelKind::permit`].
    fn permit(&self, settings: &PanelSettings, guild: GuildId) -> Result<(), InvalidInput>;
    /// [`PanelKind::only_in`].
    fn only_in(&self, settings: &PanelSettings) -> Option<Vec<GuildId>>;
    /// [`PanelKind::form`].
    fn form(&self, config: Option<&Value>) -> Vec<FormField>;
    /// [`PanelKind::configure`].
    fn configure(&self, former: Option<&Value>, filled: &FormAnswers) -> Result<Value, InvalidInput>;
    /// [`PanelKind::gather`].
    fn gather<'a>(
        &'a self,
        sources: &'a DataSources,
        location: PanelLocation,
        config: &'a Value,
    ) -> BoxFuture<'a, Result<Value, SourceUnavailable>>;
    /// [`PanelKind::render`], within Discord's limits.
    fn render(&self, context: &PanelContext, config: &Value, data: Option<&Value>) -> PanelView;
    /// [`PanelKind::press_kind`].
    fn press_kind(&self, action: &str) -> Option<PressKind>;
    /// [`PanelKind::handle`].
    fn handle(
        &self,
        context: &PanelContext,
        config: &Value,
        data: Option<&Value>,
        input: &ActionInput<'_>,
    ) -> Result<ActionOutcome<Value>, InvalidInput>;
}

impl<K: PanelKind> AnyPanelKind for K {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn summary(&self) -> &'static str {
        K::SUMMARY
    }

    fn title(&self) -> &'static str {
        K::TITLE
    }

    fn permit(&self, settings: &PanelSettings, guild: GuildId) -> Result<(), InvalidInput> {
        K::permit(settings, guild)
    }

    fn only_in(&self, settings: &PanelSettings) -> Option<Vec<GuildId>> {
        K::only_in(settings)
    }

    fn form(&self, config: Option<&Value>) -> Vec<FormField> {
        K::form(config.map(read::<K::Config>).as_ref())
    }

    fn configure(&self, former: Option<&Value>, filled: &FormAnswers) -> Result<Value, InvalidInput> {
        K::configure(former.map(read), filled).map(|config| write(&config))
    }

    fn gather<'a>(
        &'a self,
        sources: &'a DataSources,
        location: PanelLocation,
        config: &'a Value,
    ) -> BoxFuture<'a, Result<Value, SourceUnavailable>> {
        Box::pin(async move {
            let config = read(config);
            K::gather(sources, location, &config).await.map(|data| write(&data))
        })
    }

    fn render(&self, context: &PanelContext, config: &Value, data: Option<&Value>) -> PanelView {
        K::render(context, &read(config), &data.map(read).unwrap_or_default()).fitted()
    }

    fn press_kind(&self, action: &str) -> Option<PressKind> {
        K::press_kind(action)
    }

    fn handle(
        &self,
        context: &PanelContext,
        config: &Value,
        data: Option<&Value>,
        input: &ActionInput<'_>,
    ) -> Result<ActionOutcome<Value>, InvalidInput> {
        let answer = K::handle(context, read(config), &data.map(read).unwrap_or_default(), input)?;
        Ok(match answer {
            ActionOutcome::Show(view) => ActionOutcome::Show(view.fitted()),
            ActionOutcome::Preview(config) => ActionOutcome::Preview(write(&config)),
            ActionOutcome::OpenForm(form) => ActionOutcome::OpenForm(form),
            ActionOutcome::Change(config, said) => ActionOutcome::Change(write(&config), said),
        })
    }
}

/// Reads what was stored. A value that can't be read any more, as after a change of the kind, counts as
/// absent.
fn read<T: DeserializeOwned + Default>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_else(|error| {
        tracing::warn!(%error, "what is stored of a panel can't be read");
        T::default()
    })
}

fn write(value: &impl Serialize) -> Value {
    // A kind's types are plain structs. Maps whose keys aren't strings are the one thing that JSON can't
    // hold.
    serde_json::to_value(value).unwrap_or_default()
}
