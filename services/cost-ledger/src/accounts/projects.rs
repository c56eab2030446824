//! Projects: making and listing them.

use sqlx::PgConnection;
use terrace_domain::ProjectName;

use super::Project;
use crate::error::Error;
use crate::store::{Transaction, accounts};

/// Makes a project; one that is there stays as it is.
#[derive(Debug)]
pub(crate) struct CreateProject {
    pub(crate) name: ProjectName,
}

impl Transaction for CreateProject {
    type Output = Project;
    const NAME: &'static str = "create a project";

    async fn run(&self, database: &mut PgConnection) -> Result<Project, Error> {
        accounts::create_project(database, self.name.as_str()).await
    }
}

/// Lists projects by name, behind `after`.
#[derive(Debug)]
pub(crate) struct ListProjects {
    pub(crate) after: String,
    pub(crate) page_size: u32,
}

impl Transaction for ListProjects {
    /// The projects, and whether there are more.
    type Output = (Vec<Project>, bool);
    const NAME: &'static str = "list projects";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Self::Output, Error> {
        let at_most = i64::from(self.page_size) + 1;
        let projects = accounts::projects(database, &self.after, at_most).await?;
        Ok(page(projects, self.page_size))
    }
}

/// A page of what was read with one more than fits.
pub(super) fn page<T>(mut all: Vec<T>, page_size: u32) -> (Vec<T>, bool) {
    let page_size = page_size as usize;
    let has_more = all.len() > page_size;
    all.truncate(page_size);
    (all, has_more)
}
