//! The documents keep up with the house: every crate is on the map, every verb on the reference page, and links lead somewhere.

use std::collections::BTreeSet;

use crate::Finding;

/// Crates that the map of the house does not name by their directory.
pub fn crates_on_the_map<'a>(map: &str, directories: impl IntoIterator<Item = &'a str>) -> Vec<Finding> {
    directories
        .into_iter()
        .filter(|directory| !map.contains(&format!("`{directory}`")))
        .map(|directory| Finding::new("docs/architecture.md", format!("does not name `{directory}`")))
        .collect()
}

/// Verbs, by their files `…/verbs/MAGIC/VERB.rs` (or `FIRST/SECOND.rs` where the name has two words), that the reference page
/// does not describe.
pub fn verbs_on_the_page<'a>(page: &str, paths: impl IntoIterator<Item = &'a str>) -> Vec<Finding> {
    paths
        .into_iter()
        .filter_map(verb_of)
        .filter(|(magic, verb)| !page.contains(&format!("%{magic} {verb}")))
        .map(|(magic, verb)| Finding::new("docs/magics.md", format!("does not describe %{magic} {verb}")))
        .collect()
}

fn verb_of(path: &str) -> Option<(&str, String)> {
    let (magic, file) = path.strip_prefix("magics/session/src/verbs/")?.split_once('/')?;
    let verb = file.strip_suffix(".rs")?;
    (verb != "mod" && !verb.ends_with("/mod")).then(|| (magic, verb.replace('/', " ")))
}

/// Relative links of a Markdown file that lead to no file of the repository.
pub fn dead_links(path: &str, text: &str, files: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for target in links(text) {
        let target = target.split('#').next().unwrap_or_default();
        if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let resolved = resolve(path, target);
        let is_directory = || files.iter().any(|file| file.starts_with(&format!("{resolved}/")));
        if !files.contains(resolved.as_str()) && !is_directory() {
            findings.push(Finding::new(path, format!("links to {target}, which does not exist")));
        }
    }
    findings
}

/// The targets of `[words](target)`, outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            if line[..at].matches('`').count() % 2 == 0
                && let Some(end) = rest.find(')')
            {
                targets.push(&rest[..end]);
            }
        }
    }
    targets
}

/// A link's path from the repository's root.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_crate_off_the_map_is_found() {
        let found = crates_on_the_map("| `magics/core` | words |", ["magics/core", "magics/rag"]);
        assert_eq!(faults(&found), ["docs/architecture.md: does not name `magics/rag`"]);
    }

    #[test]
    fn a_verb_off_the_page_is_found() {
        let paths = [
            "magics/session/src/verbs/rag/search.rs",
            "magics/session/src/verbs/rag/ingest.rs",
            "magics/session/src/verbs/rag/mod.rs",
            "magics/session/src/verbs/cost/budget/set.rs",
            "magics/session/src/verbs/cost/budget/mod.rs",
            "magics/session/src/verbs/mod.rs",
        ];
        let found = verbs_on_the_page("## %rag ingest", paths);
        assert_eq!(
            faults(&found),
            ["docs/magics.md: does not describe %rag search", "docs/magics.md: does not describe %cost budget set"]
        );
    }

    #[test]
    fn dead_links_are_found() {
        let files = BTreeSet::from(["README.md", "docs/a.md", "docs/guide/b.md"]);
        let text = "[a](a.md#part) [b](guide/b.md) [up](../README.md) [dir](guide/) [web](https://x.y) [gone](gone.md)\n`[no](link.md)`\n```\n[no](link.md)\n```\n";
        assert_eq!(
            faults(&dead_links("docs/a.md", text, &files)),
            ["docs/a.md: links to gone.md, which does not exist"]
        );
    }
}
