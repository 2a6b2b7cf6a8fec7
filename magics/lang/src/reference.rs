//! The reference page of the language, as Markdown, made from the declarations.

use crate::language::{BodyUse, Language, VerbSpec};

impl Language {
    /// The whole reference page.
    pub fn reference(&self) -> String {
        let mut page = String::from(
            "# The magics\n\n\
             This page is made from the declarations of the verbs; `%MAGIC VERB --help` shows the same in a notebook, and\n\
             `kernwerk MAGIC VERB --help` in a shell. There every verb also takes `--lab DIR` and\n\
             `--format text|json|csv|arrow|html`, and reads its body from standard input.\n\n\
             A line may end in `-> name`: the table it answers with is then bound to that variable.\n",
        );
        for magic in &self.magics {
            page.push_str(&format!("\n## %{}\n\n{}.\n", magic.name, capitalised(magic.about)));
            for verb in self.verbs_of(magic.name) {
                page.push_str(&verb_section(verb));
            }
        }
        page
    }
}

fn verb_section(verb: &VerbSpec) -> String {
    let mut command = verb.command("%");
    let usage = command.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_owned();
    let mut section =
        format!("\n### {} {}\n\n{}.\n\n```text\n{usage}\n```\n", verb.magic, verb.name, capitalised(verb.about));
    match verb.body {
        BodyUse::Required(language) => section.push_str(&format!("\nThe body is {language}.\n")),
        BodyUse::Optional(language) => section.push_str(&format!("\nIt may have a body, in {language}.\n")),
        BodyUse::None => {}
    }
    let rows: Vec<String> =
        command.get_arguments().filter(|argument| argument.get_id() != "help").map(argument_row).collect();
    if !rows.is_empty() {
        section.push_str(&format!("\n| argument | meaning |\n|---|---|\n{}\n", rows.join("\n")));
    }
    for example in verb.examples {
        let body = example.body.map(|body| format!("\n{}", body.trim_end())).unwrap_or_default();
        section.push_str(&format!("\n{}:\n\n```text\n{}{body}\n```\n", capitalised(example.about), example.line));
    }
    section
}

fn argument_row(argument: &clap::Arg) -> String {
    let values = argument
        .get_value_names()
        .filter(|_| argument.get_action().takes_values())
        .map(|names| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "));
    let name = match (argument.get_long(), values) {
        (Some(long), Some(values)) => format!("--{long} {values}"),
        (Some(long), None) => format!("--{long}"),
        (None, values) => values.unwrap_or_default(),
    };
    let short = argument.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let mut meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let possible = argument.get_possible_values();
    if !possible.is_empty() && argument.get_action().takes_values() {
        let names: Vec<String> = possible.iter().map(|value| format!("`{}`", value.get_name())).collect();
        meaning.push_str(&format!(" ({})", names.join(", ")));
    }
    let defaults = argument.get_default_values();
    if let Some(default) = defaults.first().filter(|_| argument.get_action().takes_values()) {
        meaning.push_str(&format!(" [default: {}]", default.to_string_lossy()));
    }
    format!("| {short}`{}` | {} |", name.replace('|', "\\|"), meaning.replace('|', "\\|").replace('\n', " "))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
