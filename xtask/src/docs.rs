//! Links between documents: a relative link in a Markdown file names a file that exists.
//!
//! Addresses of other hosts are not asked for: a check that needs the network fails for reasons
//! that have nothing to do with a change.

use std::path::Path;

use crate::finding::{File, Finding, files};

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut found = Vec::new();
    for file in files(root, &["md"])? {
        for (line, target) in links(&file) {
            let folder = file.path.parent().unwrap_or_else(|| Path::new(""));
            if !root.join(folder).join(&target).exists() {
                let message = format!("the link to {target} leads nowhere: put the path right");
                found.push(Finding::new(&file.path, line, message));
            }
        }
    }
    Ok(found)
}

/// Line and target of every relative link, the part behind `#` cut off.
fn links(file: &File) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (at, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                links.push((at + 1, target.to_owned()));
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_link_to_a_file_that_is_not_there_is_found_and_others_are_not() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("docs")).unwrap();
        fs::write(root.path().join("README.md"), "hello").unwrap();
        let text = "[a](../README.md#top) [b](https://example.com/x) [c](#here)\n\n\
                    ```\n[d](in-code.md)\n```\n[e](gone.md)\n";
        fs::write(root.path().join("docs/A.md"), text).unwrap();
        let found = check(root.path()).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["docs/A.md:6: the link to gone.md leads nowhere: put the path right"]
        );
    }
}
