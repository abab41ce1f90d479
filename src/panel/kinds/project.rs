//! `project`: tasks in lists, with a state, somebody who does them, and a day when they are due.

mod forms;
mod render;
mod tasks;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::panel::{Field, Filled, View};
use crate::panel::kind::{Answer, Input, Invalid, Kind, Place, Press, Scene, Unavailable};
use crate::panel::sources::Sources;

use self::tasks::{Config, Filter, Sort, Task};

/// The actions. Those on a task have its number behind them.
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

/// What isn't chosen: which day it is, since yesterday's task is late today.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    today: Option<NaiveDate>,
}

impl Kind for Project {
    type Config = Config;
    type Data = Data;

    const NAME: &'static str = "project";
    const SUMMARY: &'static str = "tasks in lists, with progress";
    const TITLE: &'static str = "Project";

    fn form(config: Option<&Config>) -> Vec<Field> {
        forms::lists(config)
    }

    fn configure(former: Option<Config>, filled: &Filled) -> Result<Config, Invalid> {
        forms::read_lists(former.unwrap_or_default(), filled)
    }

    async fn gather(sources: &Sources, _: Place, _: &Config) -> Result<Data, Unavailable> {
        Ok(Data { today: Some(sources.clock.now().date_naive()) })
    }

    fn render(scene: &Scene, config: &Config, data: &Data) -> View {
        render::board(scene, config, data.today)
    }

    fn press(action: &str) -> Option<Press> {
        let on_task = |word: &str| number(action, word).is_some();
        match action {
            ADD => Some(Press::Form),
            ADDED => Some(Press::Change),
            TASK => Some(Press::Show),
            FILTER | SORT => Some(Press::Either),
            _ if on_task(EDIT) || on_task(REMOVE) => Some(Press::Form),
            _ if on_task(EDITED) || on_task(ADVANCE) || on_task(REMOVED) => Some(Press::Change),
            _ => None,
        }
    }

    fn act(
        scene: &Scene,
        mut config: Config,
        data: &Data,
        input: &Input<'_>,
    ) -> Result<Answer<Config>, Invalid> {
        let filled = || input.filled.ok_or_else(Invalid::outdated);
        match input.action {
            ADD => Ok(Answer::Ask(forms::add(&config))),
            ADDED => {
                let task = forms::read(&mut config, filled()?, input.now)?;
                let said = format!("Added {}.", task.quoted());
                config.add(task)?;
                Ok(Answer::Change(config, said))
            }
            TASK => show_task(scene, &config, data, input.chosen),
            FILTER => {
                let chosen = input.chosen.and_then(|key| Filter::find(key, &config));
                config.filter = chosen.ok_or_else(Invalid::outdated)?;
                let said =
                    format!("The panel shows {} from now on.", config.filter.name(&config).to_lowercase());
                Ok(change(config, said, input))
            }
            SORT => {
                config.sort = input.chosen.and_then(Sort::find).ok_or_else(Invalid::outdated)?;
                let said = format!("Tasks are sorted {} from now on.", config.sort.name().to_lowercase());
                Ok(change(config, said, input))
            }
            action => on_task(config, action, input),
        }
    }
}

/// Changes the panel for all, or shows it to the person alone.
fn change(config: Config, said: String, input: &Input<'_>) -> Answer<Config> {
    if input.manager { Answer::Change(config, said) } else { Answer::Preview(config) }
}

/// The number behind the word of an action.
fn number(action: &str, word: &str) -> Option<u32> {
    action.strip_prefix(word)?.parse().ok()
}

/// A task that was chosen, or more of them to choose from.
fn show_task(
    scene: &Scene,
    config: &Config,
    data: &Data,
    chosen: Option<&str>,
) -> Result<Answer<Config>, Invalid> {
    let chosen = chosen.ok_or_else(Invalid::outdated)?;
    if let Some(page) = number(chosen, render::PAGE) {
        return Ok(Answer::Show(render::more(scene, config, data.today, page as usize)));
    }
    let task = chosen.parse().ok().and_then(|id| config.task(id)).ok_or_else(gone)?;
    Ok(Answer::Show(render::card(config, task, data.today)))
}

/// What is done to one task.
fn on_task(mut config: Config, action: &str, input: &Input<'_>) -> Result<Answer<Config>, Invalid> {
    let task = |config: &Config, id| config.task(id).cloned().ok_or_else(gone);
    if let Some(id) = number(action, EDIT) {
        let task = task(&config, id)?;
        return Ok(Answer::Ask(forms::edit(&config, &task)));
    }
    if let Some(id) = number(action, REMOVE) {
        return Ok(Answer::Ask(forms::remove(&task(&config, id)?)));
    }
    if let Some(id) = number(action, EDITED) {
        let former = task(&config, id)?;
        let filled = input.filled.ok_or_else(Invalid::outdated)?;
        let changed = Task { id: former.id, ..forms::read(&mut config, filled, input.now)? };
        let said = format!("Changed {}.", changed.quoted());
        config.replace(changed)?;
        return Ok(Answer::Change(config, said));
    }
    if let Some(id) = number(action, ADVANCE) {
        let former = task(&config, id)?;
        let next =
            former.state.next().ok_or_else(|| Invalid(format!("{} is done already.", former.quoted())))?;
        let said = format!("{} is {} now.", former.quoted(), next.name().to_lowercase());
        config.replace(Task { state: next, ..former })?;
        return Ok(Answer::Change(config, said));
    }
    let id = number(action, REMOVED).ok_or_else(Invalid::outdated)?;
    let former = task(&config, id)?;
    forms::confirm(input.filled.ok_or_else(Invalid::outdated)?)?;
    config.tasks.retain(|task| task.id != id);
    Ok(Answer::Change(config, format!("Removed {}.", former.quoted())))
}

fn gone() -> Invalid {
    Invalid("This task is not there any more.".to_owned())
}
