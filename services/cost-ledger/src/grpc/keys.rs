//! Projects and keys on the wire: what is asked for, and what is told of each.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use terrace_domain::{Failure, ProjectName};
use terrace_proto::convert;
use terrace_proto::ledger::v1 as wire;
use uuid::Uuid;

use super::fields::Fields;
use super::write::moment;
use crate::accounts::{self, Key, Project, Scope, Secrets, Shown};

/// Projects or keys of a page when the caller does not say.
const PAGE: u32 = 100;
/// The most of a page.
const LARGEST_PAGE: u32 = 1000;
/// The longest secret that is looked at: ours have 46 bytes, an operator's own may be longer.
const LONGEST_SECRET: usize = 1024;
/// The longest that an old secret stays valid: a year.
const LONGEST_OVERLAP: Duration = Duration::from_hours(366 * 24);

pub(super) fn create(
    message: wire::CreateKeyRequest,
    secrets: &Secrets,
) -> Result<accounts::CreateKey, Failure> {
    let mut fields = Fields::default();
    let project = fields.text::<ProjectName>("project", &message.project);
    // A name for people is a name as any other.
    let name = fields.text::<ProjectName>("name", &message.name);
    let scopes = message.scopes.iter().enumerate();
    let scopes: Vec<Option<Scope>> = scopes
        .map(|(index, scope)| fields.text(format_args!("scopes[{index}]"), scope))
        .collect();
    let expires_at = fields.moment("expires_at", message.expires_at.as_ref());
    let read = || Some((project?, name?.to_string(), expires_at?));
    let (project, name, expires_at) = fields.finish(read())?;
    let new = accounts::CreateKey::new(secrets, project, name)?;
    let scopes = scopes.into_iter().flatten().collect();
    Ok(new
        .scopes(scopes)
        .limits(expires_at, message.requests_per_minute))
}

pub(super) fn rotate(
    message: &wire::RotateKeyRequest,
    secrets: &Secrets,
) -> Result<accounts::RotateKey, Failure> {
    let mut fields = Fields::default();
    let key_id = key_id(&mut fields, &message.key_id);
    let overlap = match &message.overlap {
        None => Some(Duration::ZERO),
        Some(wanted) => convert::duration(wanted).filter(|overlap| *overlap <= LONGEST_OVERLAP),
    };
    let description = "must be a duration of at most a year";
    fields
        .wrong
        .require(overlap.is_some(), "overlap", description);
    let (key_id, overlap) = fields.finish(key_id.zip(overlap))?;
    accounts::RotateKey::new(secrets, key_id, overlap)
}

pub(super) fn revoke(message: &wire::RevokeKeyRequest) -> Result<accounts::RevokeKey, Failure> {
    let mut fields = Fields::default();
    let key_id = key_id(&mut fields, &message.key_id);
    fields.finish(key_id.map(|key_id| accounts::RevokeKey { key_id }))
}

pub(super) fn authenticate(
    message: &wire::AuthenticateRequest,
    secrets: &Secrets,
) -> Result<accounts::Authenticate, Failure> {
    let mut fields = Fields::default();
    let is_right = (1..=LONGEST_SECRET).contains(&message.secret.len());
    let description = "must be a key's secret, of 1 to 1024 bytes";
    fields.wrong.require(is_right, "secret", description);
    fields.finish(Some(()))?;
    accounts::Authenticate::new(secrets, &message.secret)
}

pub(super) fn create_project(
    message: &wire::CreateProjectRequest,
) -> Result<accounts::CreateProject, Failure> {
    let mut fields = Fields::default();
    let name = fields.text("name", &message.name);
    fields.finish(name.map(|name| accounts::CreateProject { name }))
}

pub(super) fn list_projects(
    message: wire::ListProjectsRequest,
) -> Result<accounts::ListProjects, Failure> {
    let mut fields = Fields::default();
    let page_size = page_size(&mut fields, message.page_size);
    let is_token = !message.page_token.contains('\0');
    let description = "is not from the last answer of this call";
    fields.wrong.require(is_token, "page_token", description);
    fields.finish(Some(accounts::ListProjects {
        after: message.page_token,
        page_size,
    }))
}

pub(super) fn list(message: &wire::ListKeysRequest) -> Result<accounts::ListKeys, Failure> {
    let mut fields = Fields::default();
    let project = fields.optional_text("project", &message.project);
    let before = fields.optional_text::<Uuid>("page_token", &message.page_token);
    let page_size = page_size(&mut fields, message.page_size);
    let ask = || {
        Some(accounts::ListKeys {
            project: project?,
            before: before?,
            page_size,
        })
    };
    fields.finish(ask())
}

fn page_size(fields: &mut Fields, wanted: u32) -> u32 {
    let description = "must be at most 1000; what is behind comes with the next page";
    fields
        .wrong
        .require(wanted <= LARGEST_PAGE, "page_size", description);
    match wanted {
        0 => PAGE,
        size => size,
    }
}

fn key_id(fields: &mut Fields, text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok();
    let description = "must be the id of a key, a UUID; `terrace key list` has them";
    fields.wrong.require(id.is_some(), "key_id", description);
    id
}

pub(super) fn project(project: &Project) -> wire::Project {
    wire::Project {
        name: project.name.clone(),
        created_at: Some(moment(project.created_at)),
    }
}

/// A key and its secret, which leaves here and is kept nowhere.
pub(super) fn shown(shown: &Shown) -> (Option<wire::Key>, String) {
    (
        Some(key(&shown.key)),
        shown.secret.expose_secret().to_owned(),
    )
}

pub(super) fn key(key: &Key) -> wire::Key {
    wire::Key {
        key_id: key.key_id.to_string(),
        project: key.project.clone(),
        name: key.name.clone(),
        hint: key.hint.clone(),
        scopes: key.scopes.clone(),
        created_at: Some(moment(key.created_at)),
        expires_at: key.expires_at.map(moment),
        revoked_at: key.revoked_at.map(moment),
        requests_per_minute: key.requests_per_minute,
        old_secret_until: key.old_until.map(moment),
    }
}
