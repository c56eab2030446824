//! Secrets: named in the config, held elsewhere.
//!
//! A key `NAME` has the companions `NAME_env` and `NAME_file`. The secret itself may only come by
//! an environment override. A place that holds nothing is no problem here: a config is read by
//! every service, and only one of them is given the secret.

use std::path::Path;

use secrecy::SecretString;

use crate::decode::Section;
use crate::read;
use crate::value::{Secret, SecretFile};

/// The keys a secret may be given by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) value: &'static str,
    pub(crate) env: &'static str,
    pub(crate) file: &'static str,
}

/// Whether a value may stand in the config file itself; the message if not.
pub(crate) type Allowed = fn(&str) -> Result<(), String>;

/// For a secret that never stands in the file itself.
pub(crate) fn never_in_file(_: &str) -> Result<(), String> {
    Err("is a secret: name the variable or the file that holds it instead".to_owned())
}

/// Reads a secret by whichever of its keys is given; none is [`Secret::Unset`].
pub(crate) fn read(section: &mut Section<'_, '_>, keys: Keys, allowed: Allowed) -> Secret {
    let in_file = !section.is_overridden(keys.value);
    let given = [keys.value, keys.env, keys.file].map(|key| section.has(key));
    let value = section.get(keys.value, |node| {
        let text = read::text(node)?;
        if in_file {
            allowed(&text)?;
        }
        Ok(text)
    });
    let variable = section.get(keys.env, read::variable);
    let file = section.get(keys.file, read::word);
    // What an override sets holds before what the file names.
    if given[0] && (!in_file || !(given[1] || given[2])) {
        return value.map_or(Secret::Unset, |text| held(&text, "the config"));
    }
    if given.iter().filter(|given| **given).count() > 1 {
        let Keys { value, env, file } = keys;
        section.problem(
            keys.file,
            format!("give one of `{value}`, `{env}`, `{file}`"),
        );
    }
    match (variable, file) {
        (Some(variable), _) => from_variable(section, &variable),
        (None, Some(file)) => Secret::File(SecretFile::read(Path::new(&file))),
        (None, None) => Secret::Unset,
    }
}

/// The secret in an environment variable.
pub(crate) fn from_variable(section: &Section<'_, '_>, variable: &str) -> Secret {
    let value = section.reading.env.get(variable).map_or("", String::as_str);
    held(value, &format!("the variable {variable}"))
}

fn held(text: &str, source: &str) -> Secret {
    let text = text.trim();
    if text.is_empty() {
        return Secret::Missing {
            source: source.to_owned(),
        };
    }
    Secret::Value(SecretString::from(text))
}
