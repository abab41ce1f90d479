//! Long-lived tasks. Each has a name, and none ends unnoticed: a task that panics, or returns before it was
//! told to, is a failure of the program, which then ends so that it can be started again. Something that is
//! merely repeated (a database that is away, say) is not a failure: tasks handle their own errors.
//!
//! Tasks that are awaited where they were started need not be spawned here; the layout test lists these
//! places.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Spawns tasks and learns how they end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Supervisor(watch::Sender<Option<TaskFailure>>);

/// A task that ended unexpectedly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskFailure {
    /// The task's name.
    pub task: &'static str,
    /// How it ended.
    pub how: TaskEnd,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    /// By a panic. Its message is not kept, because it may hold contents.
    Panicked,
    /// It returned, although nobody had told it to.
    Returned,
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            TaskEnd::Panicked => "panicked",
            TaskEnd::Returned => "returned",
        };
        write!(f, "the task {:?} {how}", self.task)
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Self(watch::channel(None).0)
    }
}

impl Supervisor {
    /// Spawns a task that runs until it is dropped.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> Task {
        self.spawn_until(name, || false, task)
    }

    /// Spawns a task that may return once `may_end` says so.
    pub fn spawn_until(
        &self,
        name: &'static str,
        may_end: impl Fn() -> bool + Send + 'static,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Task {
        let failed = self.0.clone();
        let watched = async move {
            let how = match AssertUnwindSafe(task).catch_unwind().await {
                Err(_) => TaskEnd::Panicked,
                Ok(()) if may_end() => return,
                Ok(()) => TaskEnd::Returned,
            };
            // The first failure is the one to report.
            failed.send_if_modified(|failure| {
                let first = failure.is_none();
                failure.get_or_insert(TaskFailure { task: name, how });
                first
            });
        };
        Task(Some(tokio::spawn(watched)))
    }

    /// Resolves when a task ended unexpectedly.
    pub async fn failure(&self) -> TaskFailure {
        let mut failures = self.0.subscribe();
        loop {
            if let Some(failure) = *failures.borrow_and_update() {
                return failure;
            }
            // This sender lives as long as the question.
            let _ = failures.changed().await;
        }
    }
}

/// A running task. It ends when this is dropped.
#[derive(Debug)]
#[must_use = "the task ends when this is dropped"]
pub struct Task(Option<JoinHandle<()>>);

impl Task {
    /// Lets the task run until it ends by itself.
    pub fn detach(mut self) {
        self.0 = None;
    }

    /// Waits for its end. If the waiting is cancelled, the task ends.
    pub async fn join(&mut self) {
        if let Some(handle) = &mut self.0 {
            // The supervisor reports how it ended.
            let _ = handle.await;
            self.0 = None;
        }
    }

    /// Ends it, and waits until it has ended.
    pub async fn end(mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
        self.join().await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_panic_is_noticed_and_its_message_is_not_passed_on() {
        let supervisor = Supervisor::default();
        let _other = supervisor.spawn("other", pending());
        let _task = supervisor.spawn("sweep", async { panic!("what somebody wrote") });
        let failure = supervisor.failure().await;
        assert_eq!(failure, TaskFailure { task: "sweep", how: TaskEnd::Panicked });
        assert_eq!(failure.to_string(), r#"the task "sweep" panicked"#);
    }

    #[tokio::test]
    async fn an_early_return_is_noticed() {
        let supervisor = Supervisor::default();
        let told = Arc::new(AtomicBool::new(false));
        let may_end = {
            let told = Arc::clone(&told);
            move || told.load(Ordering::Relaxed)
        };
        supervisor.spawn_until("intake", may_end.clone(), async {}).join().await;
        assert_eq!(supervisor.failure().await, TaskFailure { task: "intake", how: TaskEnd::Returned });

        let supervisor = Supervisor::default();
        told.store(true, Ordering::Relaxed);
        supervisor.spawn_until("intake", may_end.clone(), async {}).join().await;
        assert!(supervisor.failure().now_or_never().is_none(), "it was told to");
        supervisor.spawn_until("intake", may_end, async { panic!() }).join().await;
        assert_eq!(supervisor.failure().await.how, TaskEnd::Panicked, "a panic is never in order");
    }

    #[tokio::test]
    async fn the_first_failure_is_named() {
        let supervisor = Supervisor::default();
        supervisor.spawn("first", async {}).join().await;
        supervisor.spawn("second", async {}).join().await;
        assert_eq!(supervisor.failure().await.task, "first");
    }

    #[tokio::test]
    async fn what_is_dropped_ends_and_is_no_failure() {
        let (gone, mut went) = tokio::sync::mpsc::unbounded_channel::<()>();
        let supervisor = Supervisor::default();
        let task = supervisor.spawn("keeper", async move {
            let _gone = gone;
            pending::<()>().await;
        });
        drop(task);
        assert_eq!(went.recv().await, None);
        assert!(supervisor.failure().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_task_can_be_ended_after_it_ended() {
        let mut task = Supervisor::default().spawn_until("intake", || true, async {});
        task.join().await;
        task.join().await;
        task.end().await;
    }
}
