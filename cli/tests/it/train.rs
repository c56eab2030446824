//! `terrace train --judge`: the same file gives the same head, to the last byte, and another file
//! another one.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::{stderr, terrace};

/// Answers to questions with numbers, right and wrong by turns: a file of some rows that is always
/// the same. `slip` is by how much a wrong one is off.
fn answers(slip: u32) -> String {
    let mut rows = String::new();
    for number in 0..120_u32 {
        let (own, bought) = (number * 7 % 90 + 10, number % 13 + 2);
        let is_right = number % 3 != 0;
        let result = own + bought + if is_right { 0 } else { slip };
        let row = serde_json::json!({
            "prompt": format!("Tom number {number} has {own} apples and buys {bought}. How many does he have?"),
            "weak_answer": format!("He has {own} + {bought} = {result} apples. The answer is {result}."),
            "weak_correct": is_right,
            "strong_correct": number % 10 != 0,
        });
        // Writing to a string cannot fail.
        let _written = writeln!(rows, "{row}");
    }
    rows
}

/// The bytes of the head that is trained from these rows.
fn trained(folder: &Path, rows: &str) -> Vec<u8> {
    let (from, out) = (folder.join("answers.jsonl"), folder.join("head.trcj"));
    fs::write(&from, rows).unwrap();
    let args = ["train", "--judge"].map(str::to_owned);
    let files = [
        from.display().to_string(),
        "--out".to_owned(),
        out.display().to_string(),
    ];
    let args: Vec<String> = args.into_iter().chain(files).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = terrace(&args);
    assert!(done.status.success(), "{}", stderr(&done));
    fs::read(out).unwrap()
}

#[test]
fn a_head_is_rebuilt_byte_for_byte_from_its_answers_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let first = trained(folder.path(), &answers(1));
    assert!(first.len() > 1000, "{} bytes", first.len());
    assert_eq!(trained(folder.path(), &answers(1)), first);
    assert_ne!(trained(folder.path(), &answers(2)), first);
}
