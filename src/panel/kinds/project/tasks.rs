//! Tasks and lists: which ones exist, how they are sorted, and which are shown.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::ids::UserId;
use crate::domain::text;
use crate::panel::kind::InvalidInput;

/// How many tasks a panel holds, and how many lists. The menu of filters has room for the lists.
pub(super) const MOST_TASKS: usize = 200;
pub(super) const MOST_LISTS: usize = 12;
/// How long a task's name, a list's and a person's may be.
pub(super) const LONGEST_NAME: usize = 100;
pub(super) const LONGEST_LIST: usize = 40;
pub(super) const LONGEST_PERSON: usize = 40;

/// What an admin keeps in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(super) lists: Vec<TaskList>,
    pub(super) tasks: Vec<ProjectTask>,
    /// The number that the next list or task gets.
    pub(super) next: u32,
    pub(super) filter: TaskFilter,
    pub(super) sort: TaskOrder,
}

impl Default for Config {
    fn default() -> Self {
        let lists = vec![TaskList { id: 1, name: "Tasks".to_owned() }];
        Self { lists, tasks: Vec::new(), next: 2, filter: TaskFilter::default(), sort: TaskOrder::default() }
    }
}

/// A list of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TaskList {
    pub(super) id: u32,
    pub(super) name: String,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProjectTask {
    pub(super) id: u32,
    pub(super) list: u32,
    pub(super) name: String,
    pub(super) state: TaskState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) person: Option<Assignee>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due: Option<NaiveDate>,
}

/// Who does a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Assignee {
    /// A Discord user.
    User(UserId),
    /// Anybody else, by name.
    Name(String),
}

/// How far a task is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TaskState {
    /// Somebody works on it.
    Doing,
    /// Something prevents it.
    Blocked,
    /// Nobody has begun.
    #[default]
    Todo,
    /// It is done.
    Done,
}

impl TaskState {
    pub(super) const ALL: [Self; 4] = [Self::Todo, Self::Doing, Self::Blocked, Self::Done];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Todo => "To do",
            Self::Doing => "In progress",
            Self::Blocked => "Blocked",
            Self::Done => "Done",
        }
    }

    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Todo => "⬜",
            Self::Doing => "🔵",
            Self::Blocked => "⛔",
            Self::Done => "✅",
        }
    }

    /// What comes after it.
    pub(super) const fn next(self) -> Option<Self> {
        match self {
            Self::Todo | Self::Blocked => Some(Self::Doing),
            Self::Doing => Some(Self::Done),
            Self::Done => None,
        }
    }

    /// The state that people call by this name.
    pub(super) fn find(written: &str) -> Option<Self> {
        let plain: String =
            written.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
        match plain.as_str() {
            "todo" | "open" | "new" | "planned" => Some(Self::Todo),
            "inprogress" | "doing" | "started" | "progress" => Some(Self::Doing),
            "blocked" | "waiting" | "onhold" => Some(Self::Blocked),
            "done" | "finished" | "closed" | "complete" => Some(Self::Done),
            _ => None,
        }
    }
}

/// Which tasks are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskFilter {
    /// All of them.
    #[default]
    All,
    /// What isn't done.
    Open,
    /// Those in this state.
    State(TaskState),
    /// Those that are overdue.
    Overdue,
    /// Those of this list.
    List(u32),
}

impl TaskFilter {
    /// All that there are, in the menu's order.
    pub(super) fn all(config: &Config) -> Vec<Self> {
        let lists = config.lists.iter().map(|list| Self::List(list.id));
        let states = TaskState::ALL.into_iter().map(Self::State);
        let lists = lists.filter(|_| config.lists.len() > 1);
        [Self::All, Self::Open, Self::Overdue].into_iter().chain(states).chain(lists).collect()
    }

    pub(super) fn key(self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Open => "open".to_owned(),
            Self::Overdue => "overdue".to_owned(),
            Self::State(state) => state.name().to_owned(),
            Self::List(id) => format!("list.{id}"),
        }
    }

    pub(super) fn find(key: &str, config: &Config) -> Option<Self> {
        Self::all(config).into_iter().find(|filter| filter.key() == key)
    }

    /// Its name for people: "Open tasks".
    pub(super) fn name(self, config: &Config) -> String {
        match self {
            Self::All => "All tasks".to_owned(),
            Self::Open => "Open tasks".to_owned(),
            Self::Overdue => "Overdue tasks".to_owned(),
            Self::State(state) => format!("Tasks: {}", state.name().to_lowercase()),
            Self::List(id) => format!("List: {}", config.list_name(id)),
        }
    }

    pub(super) fn shows(self, task: &ProjectTask, today: Option<NaiveDate>) -> bool {
        match self {
            Self::All => true,
            Self::Open => task.state != TaskState::Done,
            Self::State(state) => task.state == state,
            Self::Overdue => task.is_overdue(today),
            Self::List(id) => task.list == id,
        }
    }
}

/// In which order tasks are shown within their list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskOrder {
    /// Those in progress first, those done last.
    #[default]
    State,
    /// Those due soonest first.
    Due,
    /// By who does them.
    Person,
    /// By their names.
    Name,
    /// As they were added.
    Added,
}

impl TaskOrder {
    pub(super) const ALL: [Self; 5] = [Self::State, Self::Due, Self::Person, Self::Name, Self::Added];

    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Due => "due",
            Self::Person => "person",
            Self::Name => "name",
            Self::Added => "added",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::State => "By state",
            Self::Due => "By due date",
            Self::Person => "By assignee",
            Self::Name => "By name",
            Self::Added => "As they were added",
        }
    }

    pub(super) fn find(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.key() == key)
    }

    fn sort(self, tasks: &mut [&ProjectTask]) {
        // Tasks are kept in the order in which they were added, and sorting is stable.
        match self {
            Self::State => tasks.sort_by_key(|task| task.state),
            Self::Due => {
                tasks.sort_by_key(|task| (task.state == TaskState::Done, task.due.is_none(), task.due))
            }
            Self::Person => {
                tasks.sort_by(|a, b| (a.person.is_none(), &a.person).cmp(&(b.person.is_none(), &b.person)))
            }
            Self::Name => tasks.sort_by_key(|task| task.name.to_lowercase()),
            Self::Added => {}
        }
    }
}

impl ProjectTask {
    /// Its name, as a sentence has it.
    pub(super) fn quoted(&self) -> String {
        format!("\u{201c}{}\u{201d}", text::escape(&self.name))
    }

    /// Whether it isn't done although its day is over.
    pub(super) fn is_overdue(&self, today: Option<NaiveDate>) -> bool {
        self.state != TaskState::Done && self.due.zip(today).is_some_and(|(due, today)| due < today)
    }
}

impl Config {
    pub(super) fn task(&self, id: u32) -> Option<&ProjectTask> {
        self.tasks.iter().find(|task| task.id == id)
    }

    pub(super) fn list_name(&self, id: u32) -> &str {
        self.lists.iter().find(|list| list.id == id).map_or("?", |list| &list.name)
    }

    /// The list of this name, however it is capitalised.
    pub(super) fn find_list(&self, name: &str) -> Option<u32> {
        let name = name.to_lowercase();
        self.lists.iter().find(|list| list.name.to_lowercase() == name).map(|list| list.id)
    }

    /// A number that nothing has had before.
    pub(super) fn number(&mut self) -> u32 {
        let number = self.next.max(1);
        self.next = number.saturating_add(1);
        number
    }

    pub(super) fn add(&mut self, task: ProjectTask) -> Result<(), InvalidInput> {
        if self.tasks.len() >= MOST_TASKS {
            return Err(InvalidInput(format!(
                "A panel can hold {MOST_TASKS} tasks. Remove some that are done."
            )));
        }
        self.tasks.push(task);
        Ok(())
    }

    pub(super) fn replace(&mut self, task: ProjectTask) -> Result<(), InvalidInput> {
        let place = self.tasks.iter_mut().find(|former| former.id == task.id);
        *place.ok_or_else(super::gone)? = task;
        Ok(())
    }

    /// Resets a filter by a list that doesn't exist any more.
    pub(super) fn reset_stale_filter(&mut self) {
        if !TaskFilter::all(self).contains(&self.filter) {
            self.filter = TaskFilter::All;
        }
    }

    /// The tasks that are shown, list by list, in order.
    pub(super) fn shown(&self, today: Option<NaiveDate>) -> Vec<(&TaskList, Vec<&ProjectTask>)> {
        let of = |list: &TaskList| {
            let own = |task: &&ProjectTask| task.list == list.id && self.filter.shows(task, today);
            let mut tasks: Vec<&ProjectTask> = self.tasks.iter().filter(own).collect();
            self.sort.sort(&mut tasks);
            tasks
        };
        let hidden = |list: &TaskList| matches!(self.filter, TaskFilter::List(id) if id != list.id);
        self.lists.iter().filter(|list| !hidden(list)).map(|list| (list, of(list))).collect()
    }
}
