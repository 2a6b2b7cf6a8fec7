//! The lines at the top of a cell that are no Rust: `:dep`.

use std::path::Path;

use crate::error::Error;

/// What stands above a cell's Rust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) dependencies: Vec<Dependency>,
    /// How many of the text's lines belong to it.
    pub(crate) lines: usize,
}

impl Header {
    /// The Rust below it.
    pub(crate) fn body<'a>(&self, code: &'a str) -> &'a str {
        let start = code.split_inclusive('\n').take(self.lines).map(str::len).sum();
        &code[start..]
    }
}

/// One `:dep` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// A crate's name, or the directory of a local one.
    pub(crate) name: String,
    /// What follows the `=`, in TOML.
    pub(crate) specification: Option<String>,
    /// The line in the text, from 0.
    pub(crate) line: usize,
}

/// Reads the lines above a cell's Rust: commands, comments and blank lines. `above` lines of the cell stand above `code`.
///
/// # Errors
/// A command other than `:dep`, or a `:dep` that names nothing.
pub(crate) fn header(code: &str, above: usize) -> Result<Header, Error> {
    let mut header = Header::default();
    for (index, line) in code.lines().enumerate() {
        let text = line.trim();
        if !(text.is_empty() || line.starts_with("//")) {
            // A path such as `::std::mem::swap` begins with colons, too.
            if !text.starts_with(':') || text.starts_with("::") {
                break;
            }
            header.dependencies.push(dependency(text, index, above)?);
            header.lines = index + 1;
        }
    }
    Ok(header)
}

fn dependency(text: &str, line: usize, above: usize) -> Result<Dependency, Error> {
    let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let shown = above + line + 1;
    if command != ":dep" {
        return Err(Error::UnknownCommand { command: command.to_owned(), line: shown });
    }
    let (name, specification) = match rest.split_once('=') {
        Some((name, specification)) => (name.trim(), Some(specification.trim().to_owned())),
        None => (rest.trim(), None),
    };
    let bad =
        name.is_empty() || name.contains(char::is_whitespace) || specification.as_ref().is_some_and(String::is_empty);
    if bad {
        return Err(Error::BadDependency { text: text.to_owned(), line: shown });
    }
    Ok(Dependency { name: name.to_owned(), specification, line })
}

impl Dependency {
    /// Whether any version will do, or one that `version` is: then it is ours to say which.
    pub(crate) fn accepts(&self, version: &str) -> bool {
        let Some(specification) = &self.specification else { return true };
        let Some(wanted) = specification.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return false;
        };
        let wanted = wanted.trim().trim_start_matches(['^', '=', '~']).trim();
        wanted == "*" || version == wanted || version.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The line as evcxr reads it, with paths as seen from `directory`.
    pub(crate) fn line_for_evcxr(&self, directory: &Path) -> String {
        let absolute = |path: &str| directory.join(path).display().to_string();
        match &self.specification {
            None if self.name.starts_with(['.', '/']) => format!(":dep {}", absolute(&self.name)),
            None => format!(":dep {}", self.name),
            Some(specification) => format!(":dep {} = {}", self.name, with_absolute_path(specification, absolute)),
        }
    }

    /// The name under which Rust code knows the crate; a local one is named by its directory.
    pub(crate) fn crate_name(&self) -> String {
        self.name.rsplit('/').next().unwrap_or(&self.name).replace('-', "_")
    }
}

fn with_absolute_path(specification: &str, absolute: impl Fn(&str) -> String) -> String {
    let Some(start) = specification.find("path") else { return specification.to_owned() };
    let (before, after) = specification.split_at(start + "path".len());
    let value = after
        .trim_start()
        .strip_prefix('=')
        .map(str::trim_start)
        .and_then(|rest| rest.strip_prefix('"'))
        .and_then(|rest| rest.split_once('"'));
    match value {
        Some((path, rest)) => format!("{before} = \"{}\"{rest}", absolute(path)),
        None => specification.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_stand_at_the_top() {
        let found = header("// data\n:dep polars\n\n:dep rand = \"0.9\"\nuse rand::Rng;\n:dep late", 0).unwrap();
        assert_eq!(found.lines, 4);
        let lines: Vec<_> =
            found.dependencies.iter().map(|dependency| (dependency.name.as_str(), dependency.line)).collect();
        assert_eq!(lines, [("polars", 1), ("rand", 3)]);
        assert!(header("::std::mem::drop(1);", 0).unwrap().dependencies.is_empty());
    }

    #[test]
    fn other_commands_are_refused() {
        let error = header("\n:vars", 2).unwrap_err().to_string();
        assert!(error.contains("line 4") && error.contains(":vars"), "{error}");
        assert!(header(":dep", 0).is_err() && header(":dep a b", 0).is_err() && header(":dep a =", 0).is_err());
    }

    #[test]
    fn whose_version_it_is() {
        let accepts = |text: &str| header(text, 0).unwrap().dependencies[0].accepts("0.55.2");
        assert!(
            accepts(":dep polars")
                && accepts(":dep polars = \"*\"")
                && accepts(":dep polars = \"0.55\"")
                && accepts(":dep polars = \"=0.55.2\"")
        );
        assert!(
            !accepts(":dep polars = \"0.5\"") && !accepts(":dep polars = { version = \"0.55\", features = [\"sql\"] }")
        );
    }

    #[test]
    fn paths_are_seen_from_the_notebook() {
        let line = |text: &str| header(text, 0).unwrap().dependencies[0].line_for_evcxr(Path::new("/home/me"));
        assert_eq!(
            line(":dep mine = { path = \"lib\", features = [\"x\"] }"),
            ":dep mine = { path = \"/home/me/lib\", features = [\"x\"] }"
        );
        assert_eq!(line(":dep ./lib"), ":dep /home/me/./lib");
        assert_eq!(line(":dep a"), ":dep a");
    }
}
