//! `project`: tasks in lists, each with a state, an assignee and a due date.

mod forms;
mod render;
mod tasks;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::panel::{FormAnswers, FormField, PanelView};
use crate::panel::kind::{
    ActionInput, ActionOutcome, InvalidInput, PanelContext, PanelKind, PanelLocation, PressKind,
};
use crate::panel::sources::{DataSources, SourceUnavailable};

use self::tasks::{Config, ProjectTask, TaskFilter, TaskOrder};

/// The actions. Those on a task end with its number.
const ADD: &str = "add";
const ADDED: &str = "added";
const TASK: &str = "task";
const FILTER: &str = "filter";
const SORT: &str = "sort";
const EDIT: &str = "edit.";
const EDITED: &str = "edited.";
const ADVANCE: &str = "advance.";
const REMOVE: &str = "remove.";
const REMOVED: &str = "removed.";

/// The kind.
pub(super) struct Project;

/// Which day it is, since yesterday's task is overdue today.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    today: Option<NaiveDate>,
}

impl PanelKind for Project {
    type Config = Config;
    type Data = Data;

    const NAME: &'static str = "project";
    const SUMMARY: &'static str = "tasks in lists, with progress";
    const TITLE: &'static str = "Project";

    fn form(config: Option<&Config>) -> Vec<FormField> {
        forms::lists(config)
    }

    fn configure(former: Option<Config>, filled: &FormAnswers) -> Result<Config, InvalidInput> {
        forms::read_lists(former.unwrap_or_default(), filled)
    }

    async fn gather(sources: &DataSources, _: PanelLocation, _: &Config) -> Result<Data, SourceUnavailable> {
        Ok(Data { today: Some(sources.clock.now().date_naive()) })
    }

    fn render(context: &PanelContext, config: &Config, data: &Data) -> PanelView {
        render::board(context, config, data.today)
    }

    fn press_kind(action: &str) -> Option<PressKind> {
        let on_task = |word: &str| number(action, word).is_some();
        match action {
            ADD => Some(PressKind::OpenForm),
            ADDED => Some(PressKind::Change),
            TASK => Some(PressKind::Show),
            FILTER | SORT => Some(PressKind::ChangeOrPreview),
            _ if on_task(EDIT) || on_task(REMOVE) => Some(PressKind::OpenForm),
            _ if on_task(EDITED) || on_task(ADVANCE) || on_task(REMOVED) => Some(PressKind::Change),
            _ => None,
        }
    }

    fn handle(
        context: &PanelContext,
        mut config: Config,
        data: &Data,
        input: &ActionInput<'_>,
    ) -> Result<ActionOutcome<Config>, InvalidInput> {
        let filled = || input.filled.ok_or_else(InvalidInput::outdated);
        match input.action {
            ADD => Ok(ActionOutcome::OpenForm(forms::add(&config))),
            ADDED => {
                let task = forms::read(&mut config, filled()?, input.now)?;
                let said = format!("Added {}.", task.quoted());
                config.add(task)?;
                Ok(ActionOutcome::Change(config, said))
            }
            TASK => show_task(context, &config, data, input.chosen),
            FILTER => {
                let chosen = input.chosen.and_then(|key| TaskFilter::find(key, &config));
                config.filter = chosen.ok_or_else(InvalidInput::outdated)?;
                let said =
                    format!("The panel shows {} from now on.", config.filter.name(&config).to_lowercase());
                Ok(change(config, said, input))
            }
            SORT => {
                config.sort = input.chosen.and_then(TaskOrder::find).ok_or_else(InvalidInput::outdated)?;
                let said = format!("Tasks are sorted {} from now on.", config.sort.name().to_lowercase());
                Ok(change(config, said, input))
            }
            action => on_task(config, action, input),
        }
    }
}

/// Changes the panel for everyone, or previews it for the person alone.
fn change(config: Config, said: String, input: &ActionInput<'_>) -> ActionOutcome<Config> {
    if input.manager { ActionOutcome::Change(config, said) } else { ActionOutcome::Preview(config) }
}

/// The number at the end of an action.
fn number(action: &str, word: &str) -> Option<u32> {
    action.strip_prefix(word)?.parse().ok()
}

/// A task that was chosen, or more of them to choose from.
fn show_task(
    context: &PanelContext,
    config: &Config,
    data: &Data,
    chosen: Option<&str>,
) -> Result<ActionOutcome<Config>, InvalidInput> {
    let chosen = chosen.ok_or_else(InvalidInput::outdated)?;
    if let Some(page) = number(chosen, render::PAGE) {
        return Ok(ActionOutcome::Show(render::more(context, config, data.today, page as usize)));
    }
    let task = chosen.parse().ok().and_then(|id| config.task(id)).ok_or_else(gone)?;
    Ok(ActionOutcome::Show(render::card(config, task, data.today)))
}

/// What is done to one task.
fn on_task(
    mut config: Config,
    action: &str,
    input: &ActionInput<'_>,
) -> Result<ActionOutcome<Config>, InvalidInput> {
    let task = |config: &Config, id| config.task(id).cloned().ok_or_else(gone);
    if let Some(id) = number(action, EDIT) {
        let task = task(&config, id)?;
        return Ok(ActionOutcome::OpenForm(forms::edit(&config, &task)));
    }
    if let Some(id) = number(action, REMOVE) {
        return Ok(ActionOutcome::OpenForm(forms::remove(&task(&config, id)?)));
    }
    if let Some(id) = number(action, EDITED) {
        let former = task(&config, id)?;
        let filled = input.filled.ok_or_else(InvalidInput::outdated)?;
        let changed = ProjectTask { id: former.id, ..forms::read(&mut config, filled, input.now)? };
        let said = format!("Changed {}.", changed.quoted());
        config.replace(changed)?;
        return Ok(ActionOutcome::Change(config, said));
    }
    if let Some(id) = number(action, ADVANCE) {
        let former = task(&config, id)?;
        let next = former
            .state
            .next()
            .ok_or_else(|| InvalidInput(format!("{} is already done.", former.quoted())))?;
        let said = format!("{} is {} now.", former.quoted(), next.name().to_lowercase());
        config.replace(ProjectTask { state: next, ..former })?;
        return Ok(ActionOutcome::Change(config, said));
    }
    let id = number(action, REMOVED).ok_or_else(InvalidInput::outdated)?;
    let former = task(&config, id)?;
    forms::confirm(input.filled.ok_or_else(InvalidInput::outdated)?)?;
    config.tasks.retain(|task| task.id != id);
    Ok(ActionOutcome::Change(config, format!("Removed {}.", former.quoted())))
}

fn gone() -> InvalidInput {
    InvalidInput("This task doesn't exist any more.".to_owned())
}
