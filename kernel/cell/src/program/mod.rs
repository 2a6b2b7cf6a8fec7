//! Cells as a program: the same code as a crate of its own, which plain cargo builds, without a kernel.
//!
//! Items of all cells stand at the top of `main.rs`, as in a cell; their statements follow each other in one function, so that variables are shared.
//! After each cell the types of its variables are said, for there a notebook settles them. Tables that magics bound are read from `inputs/`.

mod items;
mod manifest;

use std::collections::BTreeMap;
use std::fs;

use kernwerk_core::{Parameter, ParameterType, ProgramRequest};
use kernwerk_wire::CrateLock;

use crate::build::{self, Loaded};
use crate::error::Error;
use crate::host::Variable;
use crate::text::{Kind, header, needs_engine, statements, words};
use items::Items;
use manifest::{Dependencies, manifest};

const START: &str = include_str!("start.rs");
const POLARS: &str = "polars::prelude::DataFrame";
const FRAME: &str = "kernwerk::Frame";

/// A cell, and what a run of it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCell {
    /// Its number, from 1.
    pub step: u32,
    pub parts: Vec<ProgramPart>,
    /// The variables that there were when it had ended.
    pub variables: Vec<Variable>,
}

/// A part of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramPart {
    /// Rust, with its `:dep` lines.
    Code(String),
    /// A magic that bound a table to this name.
    Bound(String),
    /// A value that a run of the program may set. One that magics have read is part of their tables, and stays as it is.
    Parameter { parameter: Parameter, is_fixed: bool },
}

/// Writes cells as a crate below the directory that `request` names, with a lock file that has the versions of `lock`, which the cells were built
/// with. The tables are not written; they belong into `inputs/STEP-NAME.arrow` with two digits of the step or more.
///
/// Gives in words why these cells have no such form, where they have none.
///
/// # Errors
/// There is no toolchain, or a file cannot be written.
pub fn write_program(
    request: &ProgramRequest,
    cells: &[ProgramCell],
    lock: Option<&CrateLock>,
) -> Result<Result<(), String>, Error> {
    let mut program = Program::default();
    for cell in cells {
        if let Err(reason) = program.add(cell) {
            return Ok(Err(format!("cell {} {reason}", cell.step)));
        }
    }
    let write = |path: &str, text: &str| {
        let path = request.directory.join(path);
        let directory = path.parent().unwrap_or(&request.directory);
        fs::create_dir_all(directory).map_err(Error::file("make", directory))?;
        fs::write(&path, text).map_err(Error::file("write", &path))
    };
    for (path, text) in build::sources_of(program.dependencies.loaded) {
        write(path, &text)?;
    }
    write("Cargo.toml", &manifest(request, &program.dependencies))?;
    write("src/main.rs", &program.main(request))?;
    write("src/start.rs", START)?;
    settle(request, lock)
}

/// A program in the making.
#[derive(Default)]
struct Program {
    dependencies: Dependencies,
    items: Items,
    statements: String,
    /// Tables that are bound, and that no code has named yet: the files that hold them.
    bound: BTreeMap<String, String>,
    parameters: Vec<(Parameter, bool)>,
    /// The variables so far, by name, with their types.
    variables: BTreeMap<String, String>,
    /// A table is there already, as this type.
    frames: Option<&'static str>,
}

impl Program {
    /// The error says in words what is wrong with the cell.
    fn add(&mut self, cell: &ProgramCell) -> Result<(), String> {
        self.statements.push_str(&format!("\n    // Cell {}.\n", cell.step));
        for part in &cell.parts {
            match part {
                ProgramPart::Bound(name) => {
                    _ = self.bound.insert(name.clone(), format!("{:02}-{name}.arrow", cell.step));
                }
                ProgramPart::Parameter { parameter, is_fixed } => self.parameter(parameter, *is_fixed),
                ProgramPart::Code(code) => self.code(code)?,
            }
        }
        self.settle(&cell.variables);
        Ok(())
    }

    fn parameter(&mut self, parameter: &Parameter, is_fixed: bool) {
        let name = &parameter.name;
        let (kind, value) = match parameter.value.kind() {
            ParameterType::Integer => ("i64", "start::number"),
            ParameterType::Float => ("f64", "start::number"),
            ParameterType::Boolean => ("bool", "start::number"),
            ParameterType::Date | ParameterType::Text => ("String", "start::text"),
        };
        self.push(&format!("let {name}: {kind} = {value}({name:?});"));
        self.variables.insert(name.clone(), kind.to_owned());
        self.parameters.push((parameter.clone(), is_fixed));
    }

    fn code(&mut self, code: &str) -> Result<(), String> {
        if let Some(name) = needs_engine(code) {
            return Err(format!("asks the lab while it runs (`{name}`), and a program has none"));
        }
        let header = header(code, 0).map_err(|error| error.to_string())?;
        for dependency in &header.dependencies {
            self.dependencies.add(dependency)?;
        }
        let body = header.body(code);
        self.bind(body)?;
        let parts = statements(body);
        let last = parts.len().saturating_sub(1);
        for (index, part) in parts.iter().enumerate() {
            let text = part.text.trim();
            if self.items.take(text)? {
                continue;
            }
            if text.contains(".await") && !text.contains("async") {
                return Err("awaits at its top, and a program has no runtime for that".to_owned());
            }
            match part.kind {
                Kind::Value if index == last => self.push(&format!("kernwerk::show!(\n{text}\n);")),
                Kind::Unit if index == last => self.push(&format!("{text}\n;")),
                _ => self.push(text),
            }
        }
        Ok(())
    }

    /// Puts the tables in front of the code that it is the first to name.
    fn bind(&mut self, code: &str) -> Result<(), String> {
        let kind = if self.dependencies.loaded.polars { POLARS } else { FRAME };
        let named = self.bound.extract_if(.., |name, _| words(code, name).next().is_some());
        for (name, file) in named.collect::<Vec<_>>() {
            if *self.frames.get_or_insert(kind) != kind {
                return Err("has tables as frames of Polars, and an earlier one as frames of another type".to_owned());
            }
            self.push(&format!("let {name}: {kind} = kernwerk::bind(start::input({file:?}));"));
            self.variables.insert(name, kind.to_owned());
        }
        Ok(())
    }

    /// Says the types of the variables that are new, or have new ones: a later cell must not have a say in them.
    fn settle(&mut self, variables: &[Variable]) {
        for Variable { name, type_name } in variables {
            if self.variables.get(name) != Some(type_name) {
                self.push(&format!("let _: &{type_name} = &{name};"));
                self.variables.insert(name.clone(), type_name.clone());
            }
        }
        self.variables.retain(|name, _| variables.iter().any(|variable| variable.name == *name));
    }

    fn push(&mut self, text: &str) {
        self.statements.push_str(text);
        self.statements.push('\n');
    }

    fn main(&self, request: &ProgramRequest) -> String {
        let title = request.title.replace('\n', " ");
        let parameters = self.parameters.iter().map(|(Parameter { name, value }, is_fixed)| {
            let kind = value.kind().name();
            let default = value.to_string();
            format!("    start::Parameter {{ name: {name:?}, kind: {kind:?}, default: {default:?}, is_fixed: {is_fixed} }},\n")
        });
        let parameters: String = parameters.collect();
        format!(
            "//! {title}. The cells that were published, in their order, as a program; what they show goes to standard output.\n\
             //!\n//! Generated: export it anew instead of changing it.\n\
             #![allow(warnings)]\n\nmod start;\n\n{}\nconst TITLE: &str = {title:?};\n\n\
             /// What arguments may set, as NAME=VALUE.\nconst PARAMETERS: &[start::Parameter] = &[\n{parameters}];\n\n\
             /// What `?` met in a cell.\nstruct CellError(String);\n\n\
             impl<T: std::fmt::Display> From<T> for CellError {{\n    fn from(error: T) -> Self {{\n        Self(error.to_string())\n    }}\n}}\n\n\
             fn main() {{\n    start::start(TITLE, PARAMETERS);\n    if let Err(CellError(error)) = cells() {{\n        eprintln!(\"error: {{error}}\");\n        \
             std::process::exit(1);\n    }}\n}}\n\nfn cells() -> Result<(), CellError> {{{}\n    Ok(())\n}}\n",
            self.items.text(),
            self.statements,
        )
    }
}

/// Has cargo complete the lock file, from the versions that cells were built with, and, where it is asked for, put the sources of
/// dependencies beside. A program always has a prelude, which its cells may have done without.
fn settle(request: &ProgramRequest, lock: Option<&CrateLock>) -> Result<Result<(), String>, Error> {
    let cargo = build::OfflineCargo::find(&request.directory)?;
    let first = lock.map(|lock| CrateLock { is_exact: false, ..lock.clone() });
    cargo.fill_lock(first.as_ref());
    let settled = cargo.run(&["metadata", "--format-version", "1"]);
    if let Err(words) = settled.and_then(|_| cargo.check_lock(first.as_ref())) {
        return Ok(Err(format!("is the last of a slice whose dependencies cargo cannot settle: {words}")));
    }
    if !request.vendor {
        return Ok(Ok(()));
    }
    match cargo.run(&["vendor", "--locked", "vendor"]) {
        Ok(configuration) if request.directory.join("vendor").is_dir() => {
            let directory = request.directory.join(".cargo");
            fs::create_dir_all(&directory).map_err(Error::file("make", &directory))?;
            let path = directory.join("config.toml");
            fs::write(&path, configuration).map_err(Error::file("write", &path))?;
            Ok(Ok(()))
        }
        Ok(_) => Ok(Ok(())),
        Err(words) => Ok(Err(format!("is the last of a slice whose dependencies cargo cannot put beside: {words}"))),
    }
}

#[cfg(test)]
mod tests {
    use kernwerk_core::ParameterValue;

    use super::*;

    fn cell(step: u32, parts: &[ProgramPart], variables: &[(&str, &str)]) -> ProgramCell {
        let variables =
            variables.iter().map(|(name, kind)| Variable { name: (*name).to_owned(), type_name: (*kind).to_owned() });
        ProgramCell { step, parts: parts.to_vec(), variables: variables.collect() }
    }

    fn code(text: &str) -> ProgramPart {
        ProgramPart::Code(text.to_owned())
    }

    #[test]
    fn statements_follow_each_other_and_items_stand_above() {
        let mut program = Program::default();
        let bound = ProgramPart::Bound("fares".to_owned());
        program
            .add(&cell(1, &[bound, code("fn twice(x: i32) -> i32 { x * 2 }\nlet n = 2;")], &[("n", "i32")]))
            .unwrap();
        program
            .add(&cell(
                2,
                &[code("use std::fmt::Debug;\nlet m = twice(n); // note\nm + fares.rows() as i32")],
                &[("fares", FRAME), ("m", "i32"), ("n", "i32")],
            ))
            .unwrap();
        assert_eq!(program.items.text(), "fn twice(x: i32) -> i32 { x * 2 }\nuse std::fmt::Debug;\n");
        let expected = "\n    // Cell 1.\nlet n = 2;\nlet _: &i32 = &n;\n\n    // Cell 2.\n\
                        let fares: kernwerk::Frame = kernwerk::bind(start::input(\"01-fares.arrow\"));\nlet m = twice(n); // note\n\
                        kernwerk::show!(\nm + fares.rows() as i32\n);\nlet _: &i32 = &m;\n";
        assert_eq!(program.statements, expected);
    }

    #[test]
    fn a_parameter_is_asked_for_where_it_is_declared() {
        let mut program = Program::default();
        let least = Parameter { name: "least".to_owned(), value: ParameterValue::Integer(10) };
        let zone = Parameter { name: "zone".to_owned(), value: ParameterValue::Text("a \"b\"".to_owned()) };
        let part = |parameter: &Parameter, is_fixed| ProgramPart::Parameter { parameter: parameter.clone(), is_fixed };
        program.add(&cell(1, &[part(&least, false), part(&zone, true)], &[])).unwrap();
        program.add(&cell(2, &[code("least + zone.len() as i64")], &[("least", "i64"), ("zone", "String")])).unwrap();
        assert!(program.statements.starts_with(
            "\n    // Cell 1.\nlet least: i64 = start::number(\"least\");\nlet zone: String = start::text(\"zone\");\n"
        ));
        let request = ProgramRequest {
            directory: std::path::PathBuf::new(),
            name: "sums".to_owned(),
            version: 1,
            title: "sums@1".to_owned(),
            vendor: false,
        };
        let main = program.main(&request);
        assert!(main.contains("{ name: \"least\", kind: \"integer\", default: \"10\", is_fixed: false }"), "{main}");
        assert!(main.contains("default: \"a \\\"b\\\"\", is_fixed: true }"), "{main}");
    }

    #[test]
    fn what_has_no_form_is_refused_in_words() {
        let refused = |texts: &[&str]| {
            let mut program = Program::default();
            texts.iter().find_map(|text| program.add(&cell(1, &[code(text)], &[])).err()).unwrap_or_default()
        };
        assert!(refused(&["magic!(\"lab status\")?"]).contains("`magic!`"));
        assert!(refused(&["let t = lab().table(\"rides\")?;"]).contains("`lab()`"));
        assert!(refused(&["fn f() -> i32 { 1 }", "fn f() -> i32 { 2 }"]).contains("`f`"));
        assert!(refused(&[":dep mine = { path = \"../mine\" }"]).contains("mine"));
        assert!(refused(&["let x = f().await;"]).contains("awaits"));
        assert_eq!(refused(&["fn f() -> i32 { 1 }", "fn f() -> i32 { 1 }", "let lab = 1; lab"]), "");
    }
}
