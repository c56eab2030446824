//! The page itself: Markdown from descriptors and the comments beside them.

use std::collections::HashMap;
use std::fmt::Write as _;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    MethodDescriptorProto, ServiceDescriptorProto,
};

const HEAD: &str = "\
# API reference

Made from the comments in [`proto/`](../proto) by `cargo xtask write-api`. Names, numbers and types are what the
wire has; fields that are not set have their type's zero, unless they are `optional`. How to call it from your
language: [CLIENTS.md](CLIENTS.md). Errors: [ERRORS.md](ERRORS.md). Amounts end in `_nano_usd` and are billionths of
a US dollar.
";

// What a descriptor's path begins with, as descriptor.proto numbers its fields.
const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;
const SERVICES: i32 = 6;
/// Fields of a message, values of an enum, methods of a service.
const MEMBERS: i32 = 2;
const NESTED_MESSAGES: i32 = 3;
const NESTED_ENUMS: i32 = 4;

/// The whole page.
pub(super) fn of(files: &[FileDescriptorProto]) -> String {
    let mut page = String::from(HEAD);
    let mut package = "";
    for file in files {
        if file.package() != package {
            package = file.package();
            push(&mut page, &format!("\n## {package}\n"));
        }
        Section::of(file).write(&mut page);
    }
    page
}

/// One file with its comments by their place.
struct Section<'a> {
    file: &'a FileDescriptorProto,
    comments: HashMap<&'a [i32], String>,
}

impl<'a> Section<'a> {
    fn of(file: &'a FileDescriptorProto) -> Self {
        let places = file.source_code_info.iter().flat_map(|info| &info.location);
        let comments = places.map(|at| (at.path.as_slice(), one_line(at.leading_comments())));
        Self {
            file,
            comments: comments.collect(),
        }
    }

    fn write(&self, page: &mut String) {
        for (at, service) in (0..).zip(&self.file.service) {
            self.service(page, service, &[SERVICES, at]);
        }
        for (at, message) in (0..).zip(&self.file.message_type) {
            self.message(page, (message.name(), message), &[MESSAGES, at]);
        }
        for (at, all) in (0..).zip(&self.file.enum_type) {
            self.enumeration(page, (all.name(), all), &[ENUMS, at]);
        }
    }

    fn comment(&self, place: &[i32]) -> &str {
        self.comments.get(place).map_or("", String::as_str)
    }

    /// Heading and comment of whatever has a name.
    fn begin(&self, page: &mut String, name: &str, place: &[i32]) {
        let package = short(self.file.package());
        push(
            page,
            &format!("\n### {package}.{name}\n\n{}\n", self.comment(place)),
        );
    }

    fn service(&self, page: &mut String, service: &ServiceDescriptorProto, place: &[i32]) {
        self.begin(page, service.name(), place);
        push(page, "\n| rpc | takes | gives | |\n|---|---|---|---|\n");
        for (at, method) in (0..).zip(&service.method) {
            let comment = cell(self.comment(&[place, &[MEMBERS, at]].concat()));
            let (takes, gives) = signature(method);
            push(
                page,
                &format!("| `{}` | {takes} | {gives} | {comment} |\n", method.name()),
            );
        }
    }

    fn message(&self, page: &mut String, (name, message): (&str, &DescriptorProto), place: &[i32]) {
        self.begin(page, name, place);
        if !message.field.is_empty() {
            push(page, "\n| field | | type | |\n|---|---|---|---|\n");
        }
        for (at, field) in (0..).zip(&message.field) {
            let comment = cell(self.comment(&[place, &[MEMBERS, at]].concat()));
            let kind = kind_in(message, field);
            let row = format!(
                "| `{}` | {} | {kind} | {comment} |\n",
                field.name(),
                field.number()
            );
            push(page, &row);
        }
        for (at, nested) in (0..).zip(&message.nested_type) {
            if !is_map(nested) {
                let inner = format!("{name}.{}", nested.name());
                self.message(
                    page,
                    (&inner, nested),
                    &[place, &[NESTED_MESSAGES, at]].concat(),
                );
            }
        }
        for (at, nested) in (0..).zip(&message.enum_type) {
            let inner = format!("{name}.{}", nested.name());
            self.enumeration(
                page,
                (&inner, nested),
                &[place, &[NESTED_ENUMS, at]].concat(),
            );
        }
    }

    fn enumeration(
        &self,
        page: &mut String,
        (name, all): (&str, &EnumDescriptorProto),
        place: &[i32],
    ) {
        self.begin(page, name, place);
        push(page, "\n| value | | |\n|---|---|---|\n");
        for (at, value) in (0..).zip(&all.value) {
            let comment = cell(self.comment(&[place, &[MEMBERS, at]].concat()));
            push(
                page,
                &format!("| `{}` | {} | {comment} |\n", value.name(), value.number()),
            );
        }
    }
}

fn signature(method: &MethodDescriptorProto) -> (String, String) {
    let side = |streams: bool, name: &str| {
        let linked = link(name);
        if streams {
            format!("stream of {linked}")
        } else {
            linked
        }
    };
    let takes = side(method.client_streaming(), method.input_type());
    (takes, side(method.server_streaming(), method.output_type()))
}

/// The type of a field, with what is special about it.
fn kind_in(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let entries = message.nested_type.iter().filter(|nested| is_map(nested));
    let mut entries =
        entries.filter(|entry| field.type_name().ends_with(&format!(".{}", entry.name())));
    if let Some([key, value]) = entries.next().map(|entry| entry.field.as_slice()) {
        return format!("map of {} to {}", kind(key), kind(value));
    }
    let plain = kind(field);
    if field.proto3_optional() {
        return format!("optional {plain}");
    }
    let choice = field
        .oneof_index
        .and_then(|at| message.oneof_decl.get(usize::try_from(at).ok()?));
    match choice {
        Some(choice) => format!("{plain}, one of `{}`", choice.name()),
        None if field.label() == Label::Repeated => format!("list of {plain}"),
        None => plain,
    }
}

fn kind(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => link(field.type_name()),
        scalar => format!(
            "`{}`",
            scalar
                .as_str_name()
                .trim_start_matches("TYPE_")
                .to_lowercase()
        ),
    }
}

fn is_map(message: &DescriptorProto) -> bool {
    message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry())
}

/// A type of ours leads to its heading; others stand as they are.
fn link(full: &str) -> String {
    let full = full.trim_start_matches('.');
    if !full.starts_with("terrace.") {
        return format!("`{full}`");
    }
    let heading = short(full);
    // Behind the package: `router.v1.Plan` is Plan, `router.v1.A.B` is A.B.
    let name = heading.splitn(3, '.').nth(2).unwrap_or(heading);
    format!("[`{name}`](#{})", heading.replace('.', "").to_lowercase())
}

fn short(full: &str) -> &str {
    full.trim_start_matches("terrace.")
}

/// A comment without its line breaks, paragraphs apart.
fn one_line(comment: &str) -> String {
    let paragraphs = comment.split("\n\n");
    let joined = paragraphs.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    joined.collect::<Vec<_>>().join("\n\n").trim().to_owned()
}

/// A comment as a cell of a table.
fn cell(comment: &str) -> String {
    comment.replace("\n\n", "<br>").replace('|', "\\|")
}

fn push(page: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ok = page.write_str(text);
}
