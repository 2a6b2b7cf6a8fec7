//! What the modules for orchestrators share: the command that runs an artifact, and how Python is written.

use std::path::Path;

use super::place::MARK;
use super::source::Source;
use super::way;

/// The verb that orchestrators launch: exit code 0 when it is done, 1 when it failed, 2 when it could not be run.
const LAUNCH: [&str; 2] = ["promote", "run"];

/// Fills a template of Python in: `@NAME@` becomes what `values` has under `NAME`, all in one pass.
pub(super) fn filled(template: &str, values: &[(&str, String)]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(start) = rest.find('@') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let named = values.iter().find_map(|(name, value)| {
            let after = from[1..].strip_prefix(name)?.strip_prefix('@')?;
            Some((value, after))
        });
        match named {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('@');
                rest = &from[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// What every module for an orchestrator says of its artifact; `output` is where the module will lie.
pub(super) fn values(source: &Source, output: &Path) -> Vec<(&'static str, String)> {
    let location = &source.location;
    let lab = way(output, &source.lab);
    let manifest = format!("pipelines/{}/{}/MANIFEST.json", location.name, location.version);
    vec![
        ("TITLE", source.title().replace('\\', "").replace("\"\"\"", "")),
        ("ARTIFACT", python_text(&location.to_string())),
        ("IDENTITY", python_text(&source.id)),
        ("NAME", python_text(&location.name.replace('-', "_"))),
        ("LAB", python_text(&lab.to_string_lossy())),
        ("MANIFEST", python_text(&manifest)),
        ("SHA256", python_text(&source.sha256)),
        ("LAUNCH", LAUNCH.map(python_text).join(", ")),
        ("INPUTS", inputs(source)),
    ]
}

/// The artifact that a Python module launches, such as `fares@2`, where it is such an export, whether somebody has changed it or not.
pub(crate) fn launches(module: &str) -> Option<String> {
    let label = MARK.split(' ').next()?;
    let line = module.lines().find_map(|line| line.strip_prefix("ARTIFACT = "))?;
    module.contains(label).then(|| serde_json::from_str(line).ok())?
}

/// The inputs as a list of Python, one a line.
fn inputs(source: &Source) -> String {
    let lines: Vec<String> = source
        .inputs()
        .iter()
        .map(|input| format!("    {},\n", serde_json::to_string(input).expect("plain values serialise")))
        .collect();
    if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}]", lines.concat()) }
}

/// A text as a literal of Python: what JSON has is what Python reads.
pub(super) fn python_text(text: &str) -> String {
    serde_json::to_string(text).expect("a text serialises")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_in_one_pass() {
        let values = [("A", "@B@".to_owned()), ("B", "two".to_owned())];
        assert_eq!(filled("@A@ @B@ @C@ a@b @decorator", &values), "@B@ two @C@ a@b @decorator");
    }
}
