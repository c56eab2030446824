use clap::CommandFactory as _;

use super::*;

fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("terrace").chain(args.iter().copied()))
}

fn route(args: &[&str]) -> RouteArgs {
    let all = [&["route", "--prompt", "x"], args].concat();
    match parse(&all).unwrap().command {
        Command::Route(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_later_of_two_opposite_flags_holds() {
    let both = route(&["--quality-check", "--no-quality-check"]).request;
    assert!(both.no_quality_check && !both.quality_check);
    let both = route(&["--no-quality-check", "--quality-check"]).request;
    assert!(both.quality_check && !both.no_quality_check);
}

#[test]
fn the_server_may_stand_before_and_behind_the_verb() {
    for args in [
        ["--server", "http://a:1", "models"],
        ["models", "--server", "http://a:1"],
    ] {
        assert_eq!(parse(&args).unwrap().server, "http://a:1");
    }
}

#[test]
fn everything_about_a_request_can_be_said() {
    let args = route(&[
        "--system",
        "s",
        "--action",
        "edit_file",
        "--threshold",
        "0.8",
        "--tier",
        "t",
        "--model",
        "m",
        "--max-attempts",
        "2",
        "--max-cost",
        "0.5",
        "--max-output-tokens",
        "9",
        "--temperature",
        "0",
        "--format",
        "json",
        "--strict",
        "--language",
        "python",
        "--tag",
        "a=b",
        "--tag",
        "c=d",
        "--request-id",
        "0190f4c8-5c96-774b-bcce-b302099a8057",
        "--stream",
        "--commit",
        "provisional",
        "--timeout",
        "3s",
        "--json",
    ]);
    assert_eq!(args.timeout, Duration::from_secs(3));
    assert!(args.stream && args.json && args.request.strict);
    assert_eq!(args.commit, Commit::Provisional);
    assert_eq!(args.request.tags.len(), 2);
    assert_eq!(args.request.format, Some(Format::Json));
}

#[test]
fn wrong_values_are_refused_before_anything_is_sent() {
    for wrong in [
        ["--threshold", "2"],
        ["--max-attempts", "0"],
        ["--max-attempts", "17"],
        ["--max-cost", "-1"],
        ["--request-id", "7"],
        ["--format", "xml"],
        ["--timeout", "soon"],
        ["--commit", "prefix"],
    ] {
        let args = [&["route", "--prompt", "x"][..], &wrong].concat();
        assert_eq!(parse(&args).unwrap_err().exit_code(), 2, "{wrong:?}");
    }
}
