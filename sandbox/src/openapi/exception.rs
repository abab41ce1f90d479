//! Violations that are known and accepted, each with its reason, and which of them still occur.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Place, Violation};

/// A known difference between Discord's description and what Discord does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The operation as in [`Violation::operation`], or `*` for any.
    pub operation: &'static str,
    /// The part of the exchange.
    pub place: Place,
    /// Covers this pointer and everything below it; a segment `*` stands for any one (`/*/type` in a list),
    /// `**` for any number of them (`/**/type` at any depth). Empty covers the whole place.
    pub pointer_prefix: &'static str,
    /// Why this is accepted.
    pub reason: &'static str,
}

/// A list of exceptions that remembers which of them were used.
#[derive(Debug, Default)]
pub struct Exceptions {
    entries: Vec<(Exception, AtomicBool)>,
}

impl Exceptions {
    /// A list of which nothing has been used yet.
    pub fn new(exceptions: impl IntoIterator<Item = Exception>) -> Self {
        Self {
            entries: exceptions.into_iter().map(|exception| (exception, AtomicBool::new(false))).collect(),
        }
    }

    /// The exceptions that haven't covered a violation yet: after a complete test run, these are stale.
    #[must_use]
    pub fn unused(&self) -> Vec<Exception> {
        self.entries
            .iter()
            .filter(|(_, used)| !used.load(Ordering::Relaxed))
            .map(|(exception, _)| *exception)
            .collect()
    }

    /// Whether the violation is accepted; marks every exception that covers it.
    pub(super) fn cover(&self, violation: &Violation) -> bool {
        let mut covered = false;
        for (exception, used) in &self.entries {
            if exception.covers(violation) {
                used.store(true, Ordering::Relaxed);
                covered = true;
            }
        }
        covered
    }
}

impl Exception {
    fn covers(&self, violation: &Violation) -> bool {
        let segments = |pointer: &'static str| pointer.split('/').skip(1).collect::<Vec<_>>();
        let pointer: Vec<_> = violation.pointer.split('/').skip(1).collect();
        (self.operation == "*" || self.operation == violation.operation)
            && self.place == violation.place
            && begins_with(&pointer, &segments(self.pointer_prefix))
    }
}

fn begins_with(pointer: &[&str], prefix: &[&str]) -> bool {
    match (prefix, pointer) {
        ([], _) => true,
        (["**", rest @ ..], _) => (0..=pointer.len()).any(|skipped| begins_with(&pointer[skipped..], rest)),
        ([wanted, rest @ ..], [segment, below @ ..]) => {
            (*wanted == "*" || wanted == segment) && begins_with(below, rest)
        }
        (_, []) => false,
    }
}
