//! Python, TypeScript, Go and Java against one running Terrace: every feature of every package, as the
//! table in `docs/CLIENTS.md` shows it. `UPDATE_DOCS=1` writes it there.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::thread;

use terrace_e2e::clients::Ground;
use terrace_e2e::interop::{Built, LANGUAGES, Language, Told, Waiting};
use terrace_e2e::tools::ROOT;

const BEGIN: &str = "<!-- begin: written by the interop suite -->\n";
const END: &str = "<!-- end -->\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_language_has_every_feature_and_the_documents_say_so() {
    let programs = built();
    let mut ground = Ground::start().await.unwrap();
    let environment = ground.environment().unwrap();
    let waiting = at_once(programs, |(language, command)| {
        let waiting = Waiting::run(&command, &environment);
        (
            language,
            waiting.unwrap_or_else(|why| panic!("{}: {why:#}", language.title)),
        )
    });
    assert!(ground.running.stop().await.unwrap());
    ground
        .running
        .restart_in_place(&ground.database)
        .await
        .unwrap();
    let told = at_once(waiting, |(language, waiting)| {
        let told = waiting.go_on();
        (
            language,
            told.unwrap_or_else(|why| panic!("{}: {why:#}", language.title)),
        )
    });
    for (language, features) in &told {
        let missing: Vec<&Told> = features.iter().filter(|told| !told.ok).collect();
        assert!(
            missing.is_empty(),
            "{}: {missing:#?}\n{}",
            language.title,
            ground.running.log()
        );
    }
    if told.len() == LANGUAGES.len() {
        compare(&table(&told));
    }
}

/// The interop programs of all languages that this machine has. In CI it has to have all.
fn built() -> Vec<(Language, Vec<String>)> {
    let results = at_once(LANGUAGES.to_vec(), |language| (language, language.build()));
    let mut programs = Vec::new();
    for (language, result) in results {
        match result.unwrap() {
            Built::Command(command) => programs.push((language, command)),
            Built::Missing(what) => {
                assert!(
                    !in_ci(),
                    "{} needs {what}: scripts/clients.sh need",
                    language.title
                );
                let why = format!("{} is skipped: there is no {what}", language.title);
                let mut stderr = std::io::stderr();
                writeln!(stderr, "{why}").unwrap();
            }
        }
    }
    programs
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some()
}

/// Does this with all of them at the same time.
fn at_once<T: Send, R: Send>(all: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let work = &work;
        let started: Vec<_> = all
            .into_iter()
            .map(|one| scope.spawn(move || work(one)))
            .collect();
        started
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn table(told: &[(Language, Vec<Told>)]) -> String {
    let mut table = String::from("| |");
    for (language, _) in told {
        write!(table, " {} |", language.title).unwrap();
    }
    write!(table, "\n|---|{}\n", "---|".repeat(told.len())).unwrap();
    let features = told[0].1.iter().map(|told| &told.feature);
    for (row, feature) in features.enumerate() {
        write!(table, "| {feature} |").unwrap();
        for (language, all) in told {
            let same = all.get(row).is_some_and(|told| &told.feature == feature);
            assert!(same, "{} did not try: {feature}", language.title);
            table.push_str(" yes |");
        }
        table.push('\n');
    }
    table
}

fn compare(table: &str) {
    let path = Path::new(ROOT).join("docs/CLIENTS.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (shown, tail) = rest.split_once(END).unwrap();
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}")).unwrap();
        return;
    }
    assert_eq!(shown, table, "build the suite again with UPDATE_DOCS=1");
}
