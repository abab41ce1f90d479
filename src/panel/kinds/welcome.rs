//! `welcome`: what newcomers should read, with links, and a button for the server in figures.

use serde::{Deserialize, Serialize};

use crate::domain::message::{Embed, EmbedField, EmbedMedia};
use crate::domain::panel::{Button, Control, FormAnswers, FormField, PanelView};
use crate::domain::text;
use crate::panel::kind::{
    ActionInput, ActionOutcome, InvalidInput, PanelContext, PanelKind, PanelLocation, PressKind,
};
use crate::panel::links::{self, PanelLink};
use crate::panel::placeholders::{self, grouped, if_known};
use crate::panel::sources::{DataSources, ServerFacts, SourceUnavailable};

use super::server::about;

/// Blurple, as Discord's own.
const COLOR: u32 = 0x58_65_f2;
const SERVER: &str = "server";
/// How many links there may be: two rows, and the button for the server's figures.
const MOST_LINKS: usize = 9;

/// The kind.
pub(super) struct Welcome;

/// What an admin writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    text: String,
    rules: String,
    links: Vec<PanelLink>,
}

impl PanelKind for Welcome {
    type Config = Config;
    type Data = ServerFacts;

    const NAME: &'static str = "welcome";
    const SUMMARY: &'static str = "a greeting with rules and links";
    const TITLE: &'static str = "Welcome";

    fn form(config: Option<&Config>) -> Vec<FormField> {
        let Config { text, rules, links } = config.cloned().unwrap_or_default();
        let example = "Glad you are here! {{server_name}} has {{member_count}} members.";
        vec![
            FormField::paragraph("text", "Text", 2000).example(example).with(text),
            FormField::paragraph("rules", "Rules, one per line", 1500)
                .example("Be kind.")
                .with(rules)
                .optional(),
            FormField::paragraph("links", "Links, one per line: label | address", 1000)
                .example("Website | https://example.com")
                .with(links::written(&links))
                .optional(),
        ]
    }

    fn configure(_: Option<Config>, filled: &FormAnswers) -> Result<Config, InvalidInput> {
        let text = filled.get("text").to_owned();
        let rules = filled.get("rules").to_owned();
        placeholders::check(&text)?;
        placeholders::check(&rules)?;
        Ok(Config { text, rules, links: links::read(filled.get("links"), MOST_LINKS)? })
    }

    async fn gather(
        sources: &DataSources,
        location: PanelLocation,
        _: &Config,
    ) -> Result<ServerFacts, SourceUnavailable> {
        sources.server(location.guild).await
    }

    fn render(context: &PanelContext, config: &Config, data: &ServerFacts) -> PanelView {
        let fill = |text: &str| placeholders::fill(text, context, data);
        let rules = numbered(&fill(&config.rules));
        let fields =
            (!rules.is_empty()).then(|| EmbedField { name: "Rules".to_owned(), value: rules, inline: false });
        let embed = Embed {
            title: Some(context.title.clone()),
            description: Some(fill(&config.text)),
            color: Some(COLOR),
            thumbnail: data.icon_url.clone().map(|url| EmbedMedia { url }),
            fields: fields.into_iter().collect(),
            ..Embed::default()
        };
        let mut buttons: Vec<Button> = config.links.iter().map(PanelLink::button).collect();
        buttons.push(Button::quiet("About this server", SERVER));
        let controls = buttons.chunks(5).map(|row| Control::Buttons(row.to_vec())).collect();
        PanelView { embeds: vec![embed], picture: None, controls }
    }

    fn press_kind(action: &str) -> Option<PressKind> {
        (action == SERVER).then_some(PressKind::Show)
    }

    fn handle(
        _: &PanelContext,
        _: Config,
        data: &ServerFacts,
        _: &ActionInput<'_>,
    ) -> Result<ActionOutcome<Config>, InvalidInput> {
        let field = |name: &str, value: String| EmbedField { name: name.to_owned(), value, inline: true };
        let embed = Embed {
            title: Some(text::escape(&data.name)),
            color: Some(COLOR),
            thumbnail: data.icon_url.clone().map(|url| EmbedMedia { url }),
            fields: vec![
                field("Members", if_known(data.members)),
                field("Online", about(data.online)),
                field("Channels", grouped(data.channels)),
                field("Boosts", format!("{} (level {})", grouped(data.boosts), data.boost_level)),
            ],
            ..Embed::default()
        };
        Ok(ActionOutcome::Show(PanelView::of(embed)))
    }
}

/// Numbers the lines; a line that has a number keeps it.
fn numbered(rules: &str) -> String {
    let lines = rules.lines().map(str::trim).filter(|line| !line.is_empty());
    let numbered = lines.enumerate().map(|(place, line)| {
        let has_one = line.split_once(['.', ')']).is_some_and(|(first, _)| first.parse::<u32>().is_ok());
        if has_one { line.to_owned() } else { format!("{}. {line}", place + 1) }
    });
    numbered.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, rules: &str, links: &str) -> FormAnswers {
        [("text", text), ("rules", rules), ("links", links)].into_iter().collect()
    }

    #[test]
    fn what_was_written_stands_in_the_form_again() {
        let written = filled("Hello, {{server_name}}!", "Be kind.\nNo spam.", "Site | https://example.com");
        let config = Welcome::configure(None, &written).unwrap();
        let again: FormAnswers =
            Welcome::form(Some(&config)).into_iter().map(|field| (field.id, field.value)).collect();
        assert_eq!(Welcome::configure(None, &again).unwrap(), config);
        assert!(Welcome::form(None).len() <= 4);
    }

    #[test]
    fn rules_are_numbered_once() {
        assert_eq!(numbered("Be kind.\n\n 2) No spam.\nEnjoy."), "1. Be kind.\n2) No spam.\n3. Enjoy.");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(Welcome::configure(None, &filled("{{who}}", "", "")).is_err());
        assert!(Welcome::configure(None, &filled("", "{{who}}", "")).is_err());
        assert!(Welcome::configure(None, &filled("", "", "Site")).is_err());
    }
}
