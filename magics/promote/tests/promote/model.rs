//! A model of a notebook: cells in a tiny language whose values are hashes of all that went into them, so that a value is
//! the same only if every step towards it was.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use kernwerk_core::{Access, BoundValue, CellId, CellStatus, Effect, Language, Names, Resource};
use kernwerk_promote::{Disk, Execution, FileState};

/// One statement of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// `let x = mix(salt, a, b);`
    Let { name: String, mutable: bool, salt: u8, from: Vec<String> },
    /// `x.push(mix(salt, a));`
    Push { name: String, salt: u8, from: Vec<String> },
    /// `let x = RefCell::new(mix(salt, a));`: a value that has several names after `Share`.
    Cell { name: String, salt: u8, from: Vec<String> },
    /// `let y = Rc::clone(&x);`
    Share { name: String, of: String },
    /// `x.replace(mix(salt, a));`, which the analysis takes for a mere use.
    Replace { name: String, salt: u8, from: Vec<String> },
    /// `use lib7::*;`, which makes the name `g7`.
    Glob(u8),
    /// `use lib::Trait7;`
    Trait { number: u8, unnamed: bool },
    /// `let y = x.method7();`, for which the trait has to be in scope.
    Method { name: String, on: String, number: u8 },
    /// `macro_rules! m { () => { mix(salt, a) } }`, where `a` is looked up when the macro is used.
    Macro { name: String, salt: u8, from: String },
    /// `let y = m!();`
    Use { name: String, of: String },
    /// `fn f() -> u64 { mix(salt, g()) }`, where `g` is looked up when `f` is called.
    Fn { name: String, salt: u8, from: Vec<String> },
    /// `let y = f();`
    Call { name: String, of: String },
    /// `struct Type1;`
    Struct(u8),
    /// `impl Type1 { … }`
    Impl { number: u8, salt: u8 },
    /// `let x = Type1::new();`
    New { name: String, number: u8 },
    /// `let y = format!("{x}");`, which depends on all that was implemented for the type.
    Format { name: String, on: String },
    /// `write("f", mix(salt, a));`
    Write { file: String, salt: u8, from: Vec<String> },
    /// `append("f", mix(salt, a));`
    Append { file: String, salt: u8, from: Vec<String> },
    /// `let x = read("f");`
    Read { name: String, file: String },
    /// `std::env::set_var("A", mix(salt, a));`
    SetVar { salt: u8, from: Vec<String> },
    /// `let x = var();`
    Var { name: String },
    /// `!cp from to`: opaque.
    Copy { from: String, to: String },
    /// `panic!();`
    Panic,
    /// `%source t f`
    Source { table: String, file: String },
    /// `%load t -> x`
    Load { table: String, name: String },
    /// `%ingest c f`
    Ingest { corpus: String, file: String },
    /// `%search c -> x`
    Search { corpus: String, name: String },
    /// `%define v salt`
    Define { view: String, salt: u8 },
    /// `%view v -> x`
    View { view: String, name: String },
}

/// A cell before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub ops: Vec<Op>,
    /// It does not compile.
    pub rejected: bool,
}

impl Op {
    fn text(&self) -> String {
        let mix = |salt: &u8, from: &[String]| format!("mix({salt}, {})", from.join(", "));
        match self {
            Self::Let { name, mutable, salt, from } => {
                format!("let {}{name} = {};", if *mutable { "mut " } else { "" }, mix(salt, from))
            }
            Self::Push { name, salt, from } => format!("{name}.push({});", mix(salt, from)),
            Self::Cell { name, salt, from } => format!("let {name} = RefCell::new({});", mix(salt, from)),
            Self::Share { name, of } => format!("let {name} = Rc::clone(&{of});"),
            Self::Replace { name, salt, from } => format!("{name}.replace({});", mix(salt, from)),
            Self::Glob(number) => format!("use lib{number}::*;"),
            Self::Trait { number, unnamed: true } => format!("use lib::Trait{number} as _;"),
            Self::Trait { number, .. } => format!("use lib::Trait{number};"),
            Self::Method { name, on, number } => format!("let {name} = {on}.method{number}();"),
            Self::Macro { name, salt, from } => format!("macro_rules! {name} {{ () => {{ mix({salt}, {from}) }} }}"),
            Self::Use { name, of } => format!("let {name} = {of}!();"),
            Self::Fn { name, salt, from } => {
                let calls: Vec<String> = from.iter().map(|name| format!("{name}()")).collect();
                format!("fn {name}() -> u64 {{ {} }}", mix(salt, &calls))
            }
            Self::Call { name, of } => format!("let {name} = {of}();"),
            Self::Struct(number) => format!("struct Type{number};"),
            Self::Impl { number, salt } => format!("impl Type{number} {{ const SALT: u8 = {salt}; }}"),
            Self::New { name, number } => format!("let {name} = Type{number}::new();"),
            Self::Format { name, on } => format!("let {name} = format!(\"{{{on}}}\");"),
            Self::Write { file, salt, from } => format!("write(\"{file}\", {});", mix(salt, from)),
            Self::Append { file, salt, from } => format!("append(\"{file}\", {});", mix(salt, from)),
            Self::Read { name, file } => format!("let {name} = read(\"{file}\");"),
            Self::SetVar { salt, from } => format!("std::env::set_var(\"A\", {});", mix(salt, from)),
            Self::Var { name } => format!("let {name} = var();"),
            Self::Copy { from, to } => format!("!cp {from} {to}"),
            Self::Panic => "panic!();".to_owned(),
            Self::Source { table, file } => format!("%source {table} {file}"),
            Self::Load { table, name } => format!("%load {table} -> {name}"),
            Self::Ingest { corpus, file } => format!("%ingest {corpus} {file}"),
            Self::Search { corpus, name } => format!("%search {corpus} -> {name}"),
            Self::Define { view, salt } => format!("%define {view} {salt}"),
            Self::View { view, name } => format!("%view {view} -> {name}"),
        }
    }

    /// Names that it reads, changes and defines.
    fn names(&self) -> (Vec<String>, Option<String>, Option<String>) {
        let (reads, changed, defined) = self.plain_names();
        let kind = |number: &u8| format!("Type{number}");
        let mut reads: Vec<String> = reads.into_iter().cloned().collect();
        let (mut changed, mut defined) = (changed.cloned(), defined);
        match self {
            Self::Struct(number) => defined = Some(kind(number)),
            Self::Impl { number, .. } => changed = Some(kind(number)),
            Self::New { number, .. } => reads.push(kind(number)),
            _ => {}
        }
        (reads, changed, defined)
    }

    fn plain_names(&self) -> (Vec<&String>, Option<&String>, Option<String>) {
        match self {
            Self::Let { name, from, .. } | Self::Cell { name, from, .. } | Self::Fn { name, from, .. } => {
                (from.iter().collect(), None, Some(name.clone()))
            }
            Self::Push { name, from, .. } => (from.iter().collect(), Some(name), None),
            Self::Replace { name, from, .. } => (from.iter().chain([name]).collect(), None, None),
            Self::Share { name, of } | Self::Use { name, of } | Self::Call { name, of } => {
                (vec![of], None, Some(name.clone()))
            }
            Self::Trait { number, unnamed: false } => (vec![], None, Some(format!("Trait{number}"))),
            Self::Method { name, on, .. } | Self::Format { name, on } => (vec![on], None, Some(name.clone())),
            Self::Macro { name, from, .. } => (vec![from], None, Some(name.clone())),
            Self::Write { from, .. } | Self::Append { from, .. } | Self::SetVar { from, .. } => {
                (from.iter().collect(), None, None)
            }
            Self::Read { name, .. }
            | Self::New { name, .. }
            | Self::Var { name }
            | Self::Load { name, .. }
            | Self::Search { name, .. }
            | Self::View { name, .. } => (vec![], None, Some(name.clone())),
            _ => (vec![], None, None),
        }
    }

    pub fn is_magic(&self) -> bool {
        matches!(
            self,
            Self::Source { .. }
                | Self::Load { .. }
                | Self::Ingest { .. }
                | Self::Search { .. }
                | Self::Define { .. }
                | Self::View { .. }
        )
    }
}

impl Cell {
    pub fn text(&self) -> String {
        let lines: Vec<String> = self.ops.iter().map(Op::text).collect();
        lines.join("\n")
    }

    /// What an analysis of the text says.
    pub fn names(&self) -> Names {
        let mut names = Names {
            defines_any: self.ops.iter().any(|op| matches!(op, Op::Glob(_))),
            barrier: self.ops.iter().any(|op| matches!(op, Op::Copy { .. })),
            ..Names::default()
        };
        for op in &self.ops {
            let (reads, changed, defined) = op.names();
            names.uses.extend(reads.into_iter().filter(|name| !names.defines.contains(name)));
            names.mutates.extend(changed.filter(|name| !names.defines.contains(name)));
            names.defines.extend(defined);
        }
        names
    }
}

/// A stored version and its content.
type Stored = (u64, u64);

/// All that cells can see and change.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The place of each variable's value, so that two names can share one.
    names: BTreeMap<String, usize>,
    places: Vec<u64>,
    /// Variables that were declared `mut`, and those that hold a shared value.
    mutable: BTreeSet<String>,
    shared: BTreeSet<String>,
    macros: BTreeMap<String, (u8, String)>,
    functions: BTreeMap<String, (u8, Vec<String>)>,
    structs: BTreeSet<u8>,
    /// What was implemented for each type, with the cell that did; an `impl` in the cell of its type goes when that is
    /// defined anew, as in evcxr.
    implementations: BTreeMap<u8, Vec<(u8, Option<u32>)>>,
    /// The cell that defined each type.
    homes: BTreeMap<u8, u32>,
    /// The types of variables that have one.
    types: BTreeMap<String, u8>,
    globs: BTreeSet<u8>,
    traits: BTreeSet<u8>,
    variable: u64,
    /// Content, and when it was written.
    pub files: BTreeMap<String, (u64, u64)>,
    pub stored: BTreeMap<(Resource, String), Stored>,
    /// The files that each corpus holds, with their content.
    corpora: BTreeMap<String, BTreeMap<String, u64>>,
    /// The running cell, which is part of every value it makes: no two executions make the same.
    execution_count: u32,
    pub clock: u64,
    /// Nanoseconds that a statement takes.
    pub tick: u64,
    effects: Vec<Effect>,
    bindings: Vec<BoundValue>,
    /// A hash of all that the running cell has read.
    seen: u64,
}

/// What a cell's run shows: how it ended, and a hash of all that it read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub status: CellStatus,
    pub seen: u64,
}

pub fn hash(parts: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

impl World {
    /// Runs a cell and returns its record.
    pub fn run(&mut self, cell: &Cell, execution_count: u32) -> (Execution, Shown) {
        self.clock += self.tick;
        let began = self.clock;
        self.seen = 0;
        self.execution_count = execution_count;
        let status = if cell.rejected || !self.compiles(cell) {
            CellStatus::Rejected
        } else if cell.ops.iter().all(|op| self.step(op).is_some()) {
            CellStatus::Ok
        } else {
            CellStatus::Error
        };
        self.clock += self.tick;
        let execution = Execution {
            id: CellId(i64::from(execution_count)),
            execution_count,
            language: Language::Rust,
            text: cell.text(),
            names: cell.names(),
            status,
            effects: std::mem::take(&mut self.effects),
            bindings: std::mem::take(&mut self.bindings),
            outputs: Vec::new(),
            began,
            ended: Some(self.clock),
        };
        (execution, Shown { status, seen: self.seen })
    }

    /// Whether the cell changes only what may be changed. Its declarations hold from here on if it does.
    fn compiles(&mut self, cell: &Cell) -> bool {
        let (mut mutable, mut shared) = (self.mutable.clone(), self.shared.clone());
        for op in &cell.ops {
            let good = match op {
                Op::Push { name, .. } => mutable.contains(name),
                Op::Replace { name, .. } => shared.contains(name),
                Op::Share { of, .. } => shared.contains(of),
                _ => true,
            };
            if !good {
                return false;
            }
            if let (_, _, Some(name)) = op.names()
                && !matches!(op, Op::Macro { .. } | Op::Fn { .. })
            {
                mutable.remove(&name);
                shared.remove(&name);
                match op {
                    Op::Let { mutable: true, .. } => _ = mutable.insert(name),
                    Op::Cell { .. } | Op::Share { .. } => _ = shared.insert(name),
                    _ => {}
                }
            }
        }
        (self.mutable, self.shared) = (mutable, shared);
        true
    }

    /// The value of a variable or of a glob's name.
    pub fn value(&mut self, name: &str) -> Option<u64> {
        let value = match self.names.get(name) {
            Some(place) => self.places[*place],
            None => {
                let number: u8 = name.strip_prefix('g')?.parse().ok()?;
                self.globs.get(&number).map(|number| hash(("glob", number)))?
            }
        };
        self.seen = hash((self.seen, value));
        Some(value)
    }

    fn mix(&mut self, salt: u8, from: &[String]) -> Option<u64> {
        let values: Option<Vec<u64>> = from.iter().map(|name| self.value(name)).collect();
        values.map(|values| hash((salt, values)))
    }

    fn bind(&mut self, name: &str, value: u64) {
        self.places.push(hash((self.execution_count, value)));
        self.names.insert(name.to_owned(), self.places.len() - 1);
        self.types.remove(name);
    }

    /// The value of a function, whose own calls are looked up now; none where one is missing or calls go round.
    fn call(&mut self, name: &str, depth: u8) -> Option<u64> {
        let (salt, from) = self.functions.get(name).filter(|_| depth < 8)?.clone();
        let values: Option<Vec<u64>> = from.iter().map(|name| self.call(name, depth + 1)).collect();
        let value = hash((salt, values?));
        self.seen = hash((self.seen, value));
        Some(value)
    }

    fn change(&mut self, name: &str, salt: u8, from: &[String]) -> Option<()> {
        let (old, more) = (self.value(name)?, self.mix(salt, from)?);
        self.places[self.names[name]] = hash((old, more));
        Some(())
    }

    fn step(&mut self, op: &Op) -> Option<()> {
        self.clock += self.tick;
        match op {
            Op::Let { name, salt, from, .. } | Op::Cell { name, salt, from } => {
                let value = self.mix(*salt, from)?;
                self.bind(name, value);
            }
            Op::Push { name, salt, from } | Op::Replace { name, salt, from } => self.change(name, *salt, from)?,
            Op::Share { name, of } => {
                self.value(of)?;
                let place = self.names[of];
                self.names.insert(name.clone(), place);
            }
            Op::Glob(number) => _ = self.globs.insert(*number),
            Op::Trait { number, .. } => _ = self.traits.insert(*number),
            Op::Method { name, on, number } => {
                let value = self.value(on)?;
                self.traits.get(number)?;
                self.bind(name, hash((value, number)));
            }
            Op::Macro { name, salt, from } => {
                self.macros.insert(name.clone(), (*salt, from.clone()));
                self.functions.remove(name);
            }
            Op::Use { name, of } => {
                let (salt, from) = self.macros.get(of)?.clone();
                let value = self.mix(salt, &[from])?;
                self.bind(name, value);
            }
            Op::Fn { name, salt, from } => {
                self.functions.insert(name.clone(), (*salt, from.clone()));
                self.macros.remove(name);
            }
            Op::Call { name, of } => {
                let value = self.call(of, 0)?;
                self.bind(name, value);
            }
            Op::Struct(number) => {
                self.structs.insert(*number);
                self.homes.insert(*number, self.execution_count);
                self.implementations.entry(*number).or_default().retain(|(_, home)| home.is_none());
            }
            Op::Impl { number, salt } => {
                self.structs.get(number)?;
                let home = self.homes.get(number).copied().filter(|home| *home == self.execution_count);
                self.implementations.entry(*number).or_default().push((*salt, home));
            }
            Op::New { name, number } => {
                self.structs.get(number)?;
                self.bind(name, hash(("new", number)));
                self.types.insert(name.clone(), *number);
            }
            Op::Format { name, on } => {
                let number = *self.types.get(on)?;
                let salts: Option<Vec<u8>> =
                    self.implementations.get(&number).map(|all| all.iter().map(|(salt, _)| *salt).collect());
                let value = hash((self.value(on)?, salts.unwrap_or_default()));
                self.seen = hash((self.seen, value));
                self.bind(name, value);
            }
            Op::SetVar { salt, from } => self.variable = self.mix(*salt, from)?,
            Op::Var { name } => {
                let value = self.variable;
                self.seen = hash((self.seen, value));
                self.bind(name, value);
            }
            Op::Panic => return None,
            _ => return self.step_outside(op),
        }
        Some(())
    }

    /// Statements that reach beyond the notebook's memory.
    fn step_outside(&mut self, op: &Op) -> Option<()> {
        match op {
            Op::Write { file, salt, from } => {
                let value = self.mix(*salt, from)?;
                self.files.insert(file.clone(), (value, self.clock));
            }
            Op::Append { file, salt, from } => {
                let more = self.mix(*salt, from)?;
                let old = self.files.get(file).map(|(content, _)| *content);
                self.files.insert(file.clone(), (hash((old, more)), self.clock));
            }
            Op::Read { name, file } => {
                let content = self.file(file)?;
                self.bind(name, content);
            }
            Op::Copy { from, to } => {
                let content = self.file(from)?;
                self.files.insert(to.clone(), (content, self.clock));
            }
            Op::Source { table, file } => {
                let content = self.traced_file(file)?;
                self.store(Resource::Table, table, hash(("table", content)));
            }
            Op::Ingest { corpus, file } => {
                let content = self.traced_file(file)?;
                let files = self.corpora.entry(corpus.clone()).or_default();
                files.insert(file.clone(), content);
                let content = hash(&*files);
                self.store(Resource::Corpus, corpus, content);
            }
            Op::Define { view, salt } => self.store(Resource::FeatureView, view, hash(("view", salt))),
            Op::Load { table, name } => self.load(Resource::Table, table, name)?,
            Op::Search { corpus, name } => self.load(Resource::Corpus, corpus, name)?,
            Op::View { view, name } => self.load(Resource::FeatureView, view, name)?,
            _ => unreachable!("the other statements stay in memory"),
        }
        Some(())
    }

    fn file(&mut self, file: &str) -> Option<u64> {
        let (content, _) = *self.files.get(file)?;
        self.seen = hash((self.seen, content));
        Some(content)
    }

    fn traced_file(&mut self, file: &str) -> Option<u64> {
        let content = self.file(file)?;
        let modified = self.files[file].1;
        self.effect(Access::Read, Resource::File, file, Some(modified), content);
        Some(content)
    }

    fn store(&mut self, resource: Resource, name: &str, content: u64) {
        let content = hash((self.execution_count, content));
        let key = (resource, name.to_owned());
        let version = self.stored.get(&key).map_or(1, |(version, _)| version + 1);
        self.stored.insert(key, (version, content));
        self.effect(Access::Write, resource, name, Some(version), content);
    }

    fn load(&mut self, resource: Resource, stored: &str, name: &str) -> Option<()> {
        let (version, content) = *self.stored.get(&(resource, stored.to_owned()))?;
        self.seen = hash((self.seen, content));
        self.effect(Access::Read, resource, stored, Some(version), content);
        self.bind(name, content);
        self.bindings.push(BoundValue { name: name.to_owned(), digest: content.to_string() });
        Some(())
    }

    fn effect(&mut self, access: Access, resource: Resource, name: &str, version: Option<u64>, content: u64) {
        self.effects.push(Effect {
            access,
            resource,
            name: name.to_owned(),
            version,
            digest: Some(content.to_string()),
        });
    }

    /// The disk as promotion sees it afterwards.
    pub fn disk(&self) -> Disk {
        let files = self.files.iter().map(|(name, (content, modified))| {
            let state = FileState { modified: *modified, digest: Some(content.to_string()) };
            (name.clone(), state)
        });
        Disk { files: files.collect(), mentions: self.files.keys().map(|name| (name.clone(), name.clone())).collect() }
    }
}
