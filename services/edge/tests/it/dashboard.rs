//! The pages for people: who comes in, what pages never do, and what forms change.

mod changing;
mod entering;
mod pages;
mod playing;
mod watching;

use crate::http::Reply;
use crate::world::World;
use serde_json::json;

/// The config under which everybody has to sign in.
const CLOSED: &str = "edge: {dashboard: {sign_in: true}}";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml");

/// Somebody's browser: it keeps the cookie that it was given last.
struct Browser<'a> {
    world: &'a World,
    cookie: String,
}

impl<'a> Browser<'a> {
    const fn new(world: &'a World) -> Self {
        Self {
            world,
            cookie: String::new(),
        }
    }

    /// Signs in with a key; fails the test when that does not work.
    async fn signed_in(world: &'a World, key: &str) -> Self {
        let mut browser = Self::new(world);
        let reply = browser.sign_in(key).await;
        assert_eq!(reply.status, 303, "{}", reply.text());
        browser
    }

    async fn sign_in(&mut self, key: &str) -> Reply {
        let page = self.get("/dashboard/sign-in").await;
        let token = token(&page);
        self.send("/dashboard/sign-in", &[("token", &token), ("key", key)])
            .await
    }

    async fn get(&mut self, path: &str) -> Reply {
        let reply = self.world.get(path, &[PAGE, self.cookie()]).await;
        self.keep(reply)
    }

    /// Sends a form as it stands.
    async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = form(fields);
        let headers = [PAGE, FORM, self.cookie()];
        let bytes = crate::http::request("POST", path, &headers, body.as_bytes());
        let reply = self.world.raw(&bytes).await;
        self.keep(reply)
    }

    /// Sends a form of a page, with the page's token.
    async fn submit(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        let page = self.get(page).await;
        let token = token(&page);
        let fields = [fields, &[("token", token.as_str())]].concat();
        self.send(path, &fields).await
    }

    fn cookie(&self) -> (&'static str, &str) {
        ("cookie", &self.cookie)
    }

    fn keep(&mut self, reply: Reply) -> Reply {
        if let Some(cookie) = reply.header("set-cookie") {
            cookie
                .split(';')
                .next()
                .unwrap()
                .clone_into(&mut self.cookie);
        }
        reply
    }
}

/// The token of a page's forms.
fn token(page: &Reply) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once("name=\"token\" value=\"")
        .unwrap_or_else(|| panic!("no form: {text}"));
    rest.split('"').next().unwrap().to_owned()
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        form.append_pair(name, value);
    }
    form.finish()
}

/// Whether anything stands behind the edge was asked anything.
fn nothing_was_asked(world: &World) -> bool {
    world.fake.asked().is_empty()
        && world.books.changes().is_empty()
        && *world.books.asked.lock().unwrap() == 0
}

#[tokio::test]
async fn switched_off_there_is_nothing() {
    let world = World::with("edge: {dashboard: {enabled: false}}", Vec::new()).await;
    for path in [
        "/",
        "/dashboard",
        "/dashboard/sign-in",
        "/dashboard/requests",
    ] {
        assert_eq!(world.get(path, &[PAGE]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_browser_without_a_path_is_shown_the_dashboard_and_a_program_is_not() {
    let world = World::with(CLOSED, Vec::new()).await;
    let reply = world.get("/", &[PAGE]).await;
    assert_eq!(reply.header("location"), Some("/dashboard"));
    let reply = world.get("/", &[]).await;
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.json()["error"]["type"],
        json!("invalid_request_error")
    );
}
