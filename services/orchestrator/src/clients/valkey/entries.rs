//! The names of what stands in the store.

use terrace_domain::ProjectName;

use crate::answers::{Evicted, Kept, Key};

/// Gives names.
#[derive(Debug)]
pub(super) struct Entries {
    /// With the version of the form: an orchestrator of another one finds nothing.
    prefix: String,
}

impl Entries {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: format!("{prefix}:v1"),
        }
    }

    /// Of an answer.
    pub(super) fn answer(&self, project: &ProjectName, key: Key) -> String {
        self.name(project, "answer", &key.hex())
    }

    /// Of the index that an eviction goes by.
    pub(super) fn index(&self, project: &ProjectName, evicted: &Evicted) -> String {
        match evicted {
            Evicted::Of(id) => self.name(project, "request", &id.to_string()),
            Evicted::For(action) => self.name(project, "action", action.as_str()),
        }
    }

    /// Of every index that an answer belongs in.
    pub(super) fn indexes(&self, kept: &Kept) -> Vec<String> {
        let by_request = self.index(&kept.project, &Evicted::Of(kept.made.id()));
        let has_action = !kept.action.is_empty();
        let by_action = has_action.then(|| self.name(&kept.project, "action", &kept.action));
        [by_request].into_iter().chain(by_action).collect()
    }

    /// What an index has of an answer: who made it, and its name.
    #[expect(clippy::unused_self, reason = "names are given in one place")]
    pub(super) fn member(&self, kept: &Kept, answer: &str) -> String {
        format!("{} {answer}", kept.made.id())
    }

    /// A project's name may have colons, and must not pass for another one's with more behind it.
    fn name(&self, project: &ProjectName, kind: &str, rest: &str) -> String {
        let project = project.as_str().replace('%', "%25").replace(':', "%3A");
        format!("{}:{project}:{kind}:{rest}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_domain::ActionName;

    #[test]
    fn no_project_can_name_what_is_another_ones() {
        let entries = Entries::new("terrace");
        let of = |project: &str, action: &str| {
            let action = Evicted::For(ActionName::new(action).unwrap());
            entries.index(&ProjectName::new(project).unwrap(), &action)
        };
        assert_eq!(of("red", "edit"), "terrace:v1:red:action:edit");
        assert_ne!(of("red", "a:action:b"), of("red:action:a", "b"));
        assert_ne!(of("a%3Ab", "x"), of("a:b", "x"));
    }
}
