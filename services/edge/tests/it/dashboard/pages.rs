//! What holds for every page, whatever it shows.

use super::{Browser, CLOSED, PAGE};
use crate::books::{EVIL, MANAGER};
use crate::world::World;

/// Every page, with whatever its address may say.
const PAGES: [&str; 9] = [
    "/dashboard",
    "/dashboard?range=30d&project=search",
    "/dashboard?range=%3Cscript%3Ealert(1)%3C/script%3E&project=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "/dashboard/requests",
    "/dashboard/requests?filter=%3Cscript%3Ealert(1)%3C/script%3E",
    "/dashboard/requests/0190a0a0-0000-7000-8000-000000000001?project=search",
    "/dashboard/budgets",
    "/dashboard/keys",
    "/dashboard/requests?filter=wrong%3Cscript%3Ealert(1)%3C/script%3E",
];

#[tokio::test]
async fn what_comes_from_outside_is_never_markup() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    for path in PAGES {
        let reply = browser.get(path).await;
        let is_wrong = path.contains("wrong");
        let status = if is_wrong { 400 } else { 200 };
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        let text = reply.text();
        assert!(!text.contains(EVIL), "{path}");
        assert!(
            text.contains("&lt;script&gt;"),
            "{path} shows nothing of it"
        );
    }
}

#[tokio::test]
async fn pages_load_and_run_only_what_is_ours() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    for path in [
        &PAGES[..],
        &[
            "/dashboard/sign-in",
            "/dashboard/none",
            "/dashboard/%2e%2e/x",
        ],
    ]
    .concat()
    {
        let reply = browser.get(path).await;
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{path}");
        }
        let text = reply.text();
        for word in [
            " style=",
            "<style",
            " onclick=",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(!text.contains(word), "{path} has {word}");
        }
        let scripts = text.matches("<script").count();
        assert_eq!(
            scripts,
            text.matches("<script src=\"/dashboard/assets/").count()
        );
    }
}

#[tokio::test]
async fn styles_and_scripts_are_kept_for_ever_and_there_are_no_other_files() {
    let world = World::with(CLOSED, Vec::new()).await;
    let page = world.get("/dashboard/sign-in", &[PAGE]).await.text();
    let mut found = 0;
    for address in page
        .split('"')
        .filter(|part| part.starts_with("/dashboard/assets/"))
    {
        let reply = world.get(address, &[]).await;
        assert_eq!(reply.status, 200, "{address}");
        assert!(reply.header("cache-control").unwrap().contains("immutable"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        found += 1;
    }
    assert!(found >= 4, "{page}");
    for other in [
        "/dashboard/assets/x/nothing.js",
        "/dashboard/assets/../assets.rs",
        "/dashboard/assets/x/%2e%2e%2fCargo.toml",
        "/dashboard/assets/x/..%2f..%2fassets.rs",
    ] {
        let status = world.get(other, &[]).await.status;
        assert!(status == 404 || status == 401, "{other}: {status}");
    }
}
