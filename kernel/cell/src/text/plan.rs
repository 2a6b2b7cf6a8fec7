//! The text that evcxr gets for a cell: dependencies, bindings of frames, the cell's Rust, and its trailing expression in a form that shows it.

use std::path::Path;

use kernwerk_wire::{Binding, BoundTo, CellText};

use super::dependencies::{Dependency, header};
use super::statements::{Kind, statements};
use crate::build::{Loaded, Pinned};
use crate::error::Error;

/// Longest Rust of a cell, in bytes. Longer ones take the analyser minutes and gigabytes.
const LIMIT: usize = 2 << 20;
/// Keeps evcxr from reading what follows as commands.
const NO_COMMANDS: &str = "/**/";
/// What a cell may name without `kernwerk::`; a name of its own goes before one that comes this way.
const NAMES: &str = "use kernwerk::cells::*;";
/// How those names stand in a cell that uses them.
const USES: &[(&str, char)] = &[("magic", '!'), ("show", '!'), ("lab", '('), ("progress", '(')];
const POLARS_VERSION: &str = "0.55.2";
const PLOTTERS_VERSION: &str = "0.3.7";

/// A cell as evcxr gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) text: String,
    /// For each line of `text`, where it comes from.
    pub(crate) places: Vec<Place>,
    /// Which of our dependencies there are once the cell has run.
    pub(crate) loaded: Loaded,
    /// The names of the crates that the cell asks for, without ours.
    pub(crate) crates: Vec<String>,
}

/// Where a line of a plan's text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Line of the cell, from 0; for a line of ours the one that it was made for, if there is one.
    pub(crate) line: Option<usize>,
    /// Characters of that line to the left of the text.
    pub(crate) column: usize,
    /// The line's text stands in the cell.
    pub(crate) verbatim: bool,
}

impl Plan {
    /// Makes the text for a cell that runs after others; `loaded` says what these have brought.
    ///
    /// # Errors
    /// The cell is too large, or has a command that is none.
    pub(crate) fn new(cell: &CellText, loaded: Loaded, pinned: &Pinned, directory: &Path) -> Result<Self, Error> {
        if cell.code.len() > LIMIT {
            return Err(Error::CellTooLarge { size: cell.code.len(), limit: LIMIT });
        }
        let header = header(&cell.code, cell.line)?;
        let mut plan = Self { text: String::new(), places: Vec::new(), loaded, crates: Vec::new() };
        let mut ours = None;
        for dependency in &header.dependencies {
            if pinned_crate(dependency, &mut plan.loaded) {
                ours = Some(cell.line + dependency.line);
                continue;
            }
            plan.crates.push(dependency.crate_name());
            plan.own(&dependency.line_for_evcxr(directory), Some(cell.line + dependency.line));
        }
        plan.loaded.prelude |= cell.bindings.iter().any(is_frame) || needs_prelude(&cell.code);
        if plan.loaded != loaded {
            for (name, specification) in pinned.dependencies(plan.loaded) {
                plan.own(&format!(":dep {name} = {specification}"), ours);
            }
        }
        plan.own(NO_COMMANDS, None);
        if plan.loaded != loaded {
            plan.own(NAMES, None);
        }
        let kind = if plan.loaded.polars { "polars::prelude::DataFrame" } else { "kernwerk::Frame" };
        for binding in &cell.bindings {
            let name = &binding.name;
            let line = match &binding.to {
                BoundTo::Frame(path) => format!("let {name}: {kind} = kernwerk::bind({:?});", path.to_string_lossy()),
                BoundTo::Value { kind, expression } => format!("let {name}: {kind} = {expression};"),
            };
            plan.own(&line, None);
        }
        plan.rust(header.body(&cell.code), cell.line + header.lines);
        Ok(plan)
    }

    /// The lines that evcxr reads as commands, and the rest.
    pub(crate) fn parts(&self) -> (Self, Self) {
        let commands = self.text.lines().take_while(|line| line.starts_with(':')).count();
        let end = self.text.split_inclusive('\n').take(commands).map(str::len).sum();
        let (head, body) = self.text.split_at(end);
        let (above, below) = self.places.split_at(commands);
        let part =
            |text: &str, places: &[Place]| Self { text: text.to_owned(), places: places.to_vec(), ..self.clone() };
        (part(head, above), part(body, below))
    }

    /// Adds a line of ours.
    fn own(&mut self, text: &str, line: Option<usize>) {
        self.text.push_str(text);
        self.text.push('\n');
        self.places.push(Place { line, column: 0, verbatim: false });
    }

    /// Adds the cell's Rust, above which there are so many lines.
    fn rust(&mut self, body: &str, above: usize) {
        let last = statements(body).last().copied();
        let split = match last {
            Some(last) if matches!(last.kind, Kind::Value | Kind::Unit) => last.start + leading(last.text),
            _ => body.len(),
        };
        self.lines(&body[..split], above, 0);
        if split == body.len() {
            return;
        }
        let before = &body[..split];
        let line = above + before.matches('\n').count();
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count());
        let shown = last.is_some_and(|last| last.kind == Kind::Value);
        if shown {
            self.own("kernwerk_trailing(&(", Some(line));
        }
        self.lines(&body[split..], line, column);
        self.own(if shown { "))" } else { ";" }, Some(line));
    }

    /// Adds lines of the cell as they are; the first of them stands behind `column` characters.
    fn lines(&mut self, text: &str, line: usize, column: usize) {
        for (index, text) in text.lines().enumerate() {
            self.text.push_str(text);
            self.text.push('\n');
            self.places.push(Place {
                line: Some(line + index),
                column: if index == 0 { column } else { 0 },
                verbatim: true,
            });
        }
    }
}

/// Bytes of whitespace and whole-line comments at the start of a statement's text.
fn leading(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = text[at..].trim_start();
        at = text.len() - rest.len();
        match rest.starts_with("//").then(|| rest.find('\n')).flatten() {
            Some(end) => at += end + 1,
            None => return at,
        }
    }
}

fn is_frame(binding: &Binding) -> bool {
    matches!(binding.to, BoundTo::Frame(_))
}

/// Adds a dependency to `loaded` where it is one whose version is ours to say; whether it is.
pub(crate) fn pinned_crate(dependency: &Dependency, loaded: &mut Loaded) -> bool {
    match dependency.crate_name().as_str() {
        "polars" if dependency.accepts(POLARS_VERSION) => {
            *loaded = Loaded { prelude: true, plotters: true, polars: true }
        }
        "plotters" if dependency.accepts(PLOTTERS_VERSION) => {
            *loaded = Loaded { prelude: true, plotters: true, ..*loaded }
        }
        "kernwerk" => loaded.prelude = true,
        _ => return false,
    }
    true
}

/// What the code asks the kernel's engine by, where it does.
pub(crate) fn needs_engine(code: &str) -> Option<&'static str> {
    let called = |name: &str, sign: char| words(code, name).any(|after| after.trim_start().starts_with(sign));
    let asks = [("magic", '!', "magic!"), ("magic", '(', "magic()"), ("lab", '(', "lab()")];
    asks.into_iter().find(|(name, sign, _)| called(name, *sign)).map(|(_, _, shown)| shown)
}

/// Whether the code names the prelude, or something of it.
fn needs_prelude(code: &str) -> bool {
    words(code, "kernwerk").next().is_some()
        || USES.iter().any(|(name, sign)| words(code, name).any(|after| after.trim_start().starts_with(*sign)))
}

/// What follows each place where a name stands in the code, as a whole word.
pub(crate) fn words<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(name)
        .map(move |(at, _)| (&code[..at], &code[at + name.len()..]))
        .filter(move |(before, after)| !before.ends_with(is_word) && !after.starts_with(is_word))
        .map(|(_, after)| after)
}

#[cfg(test)]
mod tests {

    use super::*;

    fn plan(code: &str) -> Plan {
        let cell = CellText { code: code.to_owned(), line: 0, bindings: Vec::new() };
        Plan::new(&cell, Loaded::default(), &Pinned::for_tests(), Path::new("/home/me")).unwrap()
    }

    /// Line and column in the cell of each verbatim line.
    fn verbatim(plan: &Plan) -> Vec<(&str, Option<usize>, usize)> {
        let places = plan.text.lines().zip(&plan.places);
        places.filter(|(_, place)| place.verbatim).map(|(text, place)| (text, place.line, place.column)).collect()
    }

    #[test]
    fn statements_stay_as_they_are() {
        let plan = plan("let x = 1;\nlet y = 2;");
        assert_eq!(plan.text, "/**/\nlet x = 1;\nlet y = 2;\n");
        assert_eq!(verbatim(&plan), [("let x = 1;", Some(0), 0), ("let y = 2;", Some(1), 0)]);
    }

    #[test]
    fn a_trailing_value_is_shown() {
        let plan = plan("let x = 1;  x + 1");
        assert_eq!(plan.text, "/**/\nlet x = 1;  \nkernwerk_trailing(&(\nx + 1\n))\n");
        assert_eq!(verbatim(&plan), [("let x = 1;  ", Some(0), 0), ("x + 1", Some(0), 12)]);
    }

    #[test]
    fn what_is_nothing_is_not_shown() {
        assert_eq!(plan("for i in 0..2 {\n}").text, "/**/\nfor i in 0..2 {\n}\n;\n");
        assert_eq!(plan("// all\nprintln!()").text, "/**/\n// all\nprintln!()\n;\n");
    }

    #[test]
    fn lines_above_the_code_count() {
        let cell = CellText { code: "x".to_owned(), line: 7, bindings: Vec::new() };
        let plan = Plan::new(&cell, Loaded::default(), &Pinned::for_tests(), Path::new("/")).unwrap();
        assert_eq!(verbatim(&plan), [("x", Some(7), 0)]);
    }

    #[test]
    fn frames_are_bound_in_front() {
        let bindings = vec![Binding { name: "rides".to_owned(), to: BoundTo::Frame("/x/\"1\".arrow".into()) }];
        let cell = CellText { code: ":dep polars\nrides".to_owned(), line: 0, bindings };
        let plan = Plan::new(&cell, Loaded::default(), &Pinned::for_tests(), Path::new("/")).unwrap();
        assert!(plan.text.contains("\n/**/\nuse kernwerk::cells::*;\nlet rides: polars::prelude::DataFrame = kernwerk::bind(\"/x/\\\"1\\\".arrow\");\nkernwerk_trailing"), "{}", plan.text);
        assert!(plan.loaded.polars && plan.loaded.prelude && plan.crates.is_empty());
        assert_eq!(verbatim(&plan), [("rides", Some(1), 0)]);
        let again =
            Plan::new(&CellText { bindings: Vec::new(), ..cell }, plan.loaded, &Pinned::for_tests(), Path::new("/"))
                .unwrap();
        assert!(!again.text.contains(":dep"), "what is loaded is not asked for again");
    }

    #[test]
    fn values_are_bound_in_front_and_need_no_prelude() {
        let to = BoundTo::Value { kind: "i64".to_owned(), expression: "100".to_owned() };
        let bindings = vec![Binding { name: "rows".to_owned(), to }];
        let cell = CellText { code: "let twice = rows * 2;".to_owned(), line: 0, bindings };
        let plan = Plan::new(&cell, Loaded::default(), &Pinned::for_tests(), Path::new("/")).unwrap();
        assert!(plan.text.contains("\nlet rows: i64 = 100;\nlet twice"), "{}", plan.text);
        assert!(!plan.loaded.prelude, "{}", plan.text);
    }

    #[test]
    fn commands_are_a_part_of_their_own() {
        let plan = plan(":dep nothing = \"1\"\nlet x = 1;");
        let (commands, code) = plan.parts();
        assert_eq!(commands.text.lines().count(), commands.places.len());
        assert!(commands.text.lines().all(|line| line.starts_with(':')) && !commands.text.is_empty());
        assert_eq!(code.text, "/**/\nlet x = 1;\n");
        assert_eq!(verbatim(&code), [("let x = 1;", Some(1), 0)]);
        assert_eq!(commands.text + &code.text, plan.text);
    }

    #[test]
    fn the_prelude_comes_when_it_is_named() {
        let code = [
            "kernwerk::show!(1);",
            "magic!(\"lab status\")?",
            "for x in progress (0..3) {}",
            "lab().table(\"rides\")?",
            "show! {1}",
        ];
        for code in code {
            let plan = plan(code);
            assert!(plan.loaded.prelude, "{code}");
            assert!(plan.text.contains("\n/**/\nuse kernwerk::cells::*;\n"), "{}", plan.text);
        }
        for code in ["let kernwerks = 1;", "let lab = 1; lab", "magical!()", "let progress = 1;", "my_lab()", "show(1)"]
        {
            assert!(!plan(code).loaded.prelude, "{code}");
        }
    }

    #[test]
    fn a_cell_may_be_too_large() {
        let cell = CellText { code: " ".repeat(LIMIT + 1), line: 0, bindings: Vec::new() };
        assert!(Plan::new(&cell, Loaded::default(), &Pinned::for_tests(), Path::new("/")).is_err());
    }
}
