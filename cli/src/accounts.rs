//! `terrace project` and `terrace key`: who pays, and the keys that calls come with.

use std::time::SystemTime;

use serde_json::{Value, json};
use terrace_proto::convert::{wire_duration, wire_timestamp};
use terrace_proto::ledger::v1::{
    CreateKeyRequest, CreateProjectRequest, Key, ListKeysRequest, ListProjectsRequest,
    RevokeKeyRequest, RotateKeyRequest,
};

use crate::args::{CreateKeyArgs, KeyArgs, KeyCommand, KeyScope, ProjectArgs, ProjectCommand};
use crate::client::{Client, soon};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::json::time_of;
use crate::output::Output;
use crate::render;
use crate::wording::clean;

/// Does what was asked of projects.
pub(crate) async fn projects(server: &str, output: &Output, args: &ProjectArgs) -> Exit {
    let done = Box::pin(project(server, *output, args)).await;
    finish(*output, args.json, done)
}

/// Does what was asked of keys.
pub(crate) async fn keys(server: &str, output: &Output, args: &KeyArgs) -> Exit {
    let done = Box::pin(key(server, *output, args)).await;
    finish(*output, args.json, done)
}

async fn project(server: &str, output: Output, args: &ProjectArgs) -> Result<Exit, Trouble> {
    let client = Client::new(server)?;
    match &args.command {
        ProjectCommand::Create { name } => {
            let ask = CreateProjectRequest { name: name.clone() };
            let made = client.accounts().create_project(soon(ask)).await?;
            let project = made.into_inner().project.unwrap_or_default();
            if args.json {
                let at = project.created_at.as_ref().and_then(time_of);
                output.print_json(&json!({"name": project.name, "created_at": at}))?;
            } else {
                output.print(&format!("project {}\n", clean(&project.name)))?;
            }
        }
        ProjectCommand::List => list_projects(&client, output, args.json).await?,
    }
    Ok(Exit::Fine)
}

async fn list_projects(client: &Client, output: Output, as_json: bool) -> Result<(), Trouble> {
    let (mut projects, mut page_token) = (Vec::new(), String::new());
    loop {
        let ask = ListProjectsRequest {
            page_size: 0,
            page_token,
        };
        let page = client.accounts().list_projects(soon(ask)).await?;
        let page = page.into_inner();
        projects.extend(page.projects);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if as_json {
        let projects = projects.iter().map(|project| {
            let at = project.created_at.as_ref().and_then(time_of);
            json!({"name": project.name, "created_at": at})
        });
        output.print_json(&json!({"projects": projects.collect::<Vec<_>>()}))?;
    } else {
        output.print(&render::projects(&projects, output.width()))?;
    }
    Ok(())
}

async fn key(server: &str, output: Output, args: &KeyArgs) -> Result<Exit, Trouble> {
    let client = Client::new(server)?;
    let mut accounts = client.accounts();
    match &args.command {
        KeyCommand::Create(wanted) => {
            let made = accounts
                .create_key(soon(create(wanted)))
                .await?
                .into_inner();
            show(output, args.json, made.key, &made.secret)?;
        }
        KeyCommand::Rotate { key, overlap } => {
            let ask = RotateKeyRequest {
                key_id: key.clone(),
                overlap: overlap.map(wire_duration),
            };
            let rotated = accounts.rotate_key(soon(ask)).await?.into_inner();
            show(output, args.json, rotated.key, &rotated.secret)?;
        }
        KeyCommand::Revoke { key } => {
            let ask = RevokeKeyRequest {
                key_id: key.clone(),
            };
            let revoked = accounts.revoke_key(soon(ask)).await?.into_inner();
            let key = revoked.key.unwrap_or_default();
            if args.json {
                output.print_json(&value(&key))?;
            } else {
                output.print(&format!("{} is revoked\n", key.key_id))?;
            }
        }
        KeyCommand::List { project } => {
            let project = project.clone().unwrap_or_default();
            list_keys(&client, output, args.json, project).await?;
        }
    }
    Ok(Exit::Fine)
}

fn create(args: &CreateKeyArgs) -> CreateKeyRequest {
    let ends = |span| SystemTime::now().checked_add(span);
    let scopes = args.scope.iter().copied().map(KeyScope::as_str);
    CreateKeyRequest {
        project: args.project.clone(),
        name: args.name.clone(),
        scopes: scopes.map(str::to_owned).collect(),
        expires_at: args.expires_in.and_then(ends).map(wire_timestamp),
        requests_per_minute: args.requests_per_minute,
    }
}

/// Prints a secret, the one time that it can be: alone on standard output, so that it can be piped.
fn show(output: Output, as_json: bool, key: Option<Key>, secret: &str) -> Result<(), Trouble> {
    let key = key.unwrap_or_default();
    if as_json {
        let mut shown = value(&key);
        shown["secret"] = json!(secret);
        output.print_json(&shown)?;
        return Ok(());
    }
    output.complain(&format!(
        "key {} of project {}; its secret is shown this once:",
        key.key_id,
        clean(&key.project)
    ));
    output.print(&format!("{secret}\n"))?;
    Ok(())
}

async fn list_keys(
    client: &Client,
    output: Output,
    as_json: bool,
    project: String,
) -> Result<(), Trouble> {
    let (mut keys, mut page_token) = (Vec::new(), String::new());
    loop {
        let ask = ListKeysRequest {
            project: project.clone(),
            page_size: 0,
            page_token,
        };
        let page = client.accounts().list_keys(soon(ask)).await?.into_inner();
        keys.extend(page.keys);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if as_json {
        let keys: Vec<Value> = keys.iter().map(value).collect();
        output.print_json(&json!({"keys": keys}))?;
    } else {
        output.print(&render::keys(&keys, SystemTime::now(), output.width()))?;
    }
    Ok(())
}

/// A key as JSON, without a secret.
fn value(key: &Key) -> Value {
    let time = |at: Option<&prost_types::Timestamp>| at.and_then(time_of);
    json!({
        "key_id": key.key_id,
        "project": key.project,
        "name": key.name,
        "hint": key.hint,
        "scopes": key.scopes,
        "created_at": time(key.created_at.as_ref()),
        "expires_at": time(key.expires_at.as_ref()),
        "revoked_at": time(key.revoked_at.as_ref()),
        "requests_per_minute": key.requests_per_minute,
        "old_secret_until": time(key.old_secret_until.as_ref()),
    })
}
