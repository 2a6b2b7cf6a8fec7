//! The slicer: random notebooks whose slices must give what the whole gave, and the cases that people meet.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{Access, CellId, CellStatus, Effect, Language, Names, PythonNames, Resource};
use kernwerk_promote::{Aim, Disk, Error, Execution, FileState, Plan, Target, Why, WhyNot, plan_log};
use proptest::prelude::*;

use crate::model::{Cell, Op, Shown, World};

/// Choices for a random notebook; when they run out, the first of everything is chosen.
struct Choices(std::vec::IntoIter<u8>);

impl Choices {
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.0.next().unwrap_or(0)) % end
    }

    fn salt(&mut self) -> u8 {
        self.0.next().unwrap_or(0)
    }

    fn pick(&mut self, from: &[String]) -> Option<String> {
        (!from.is_empty()).then(|| from[self.below(from.len())].clone())
    }

    /// Up to two names.
    fn some(&mut self, from: &[String]) -> Vec<String> {
        (0..self.below(3)).filter_map(|_| self.pick(from)).collect()
    }
}

/// What a random notebook may do.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Definitions, tables and views: each cell's part can be told exactly.
    Straight,
    Wild,
}

/// A notebook that has run.
struct Ran {
    cells: Vec<Cell>,
    log: Vec<Execution>,
    shown: Vec<Shown>,
    before: World,
    after: World,
}

/// The names that a cell may use in each role; kept while a random notebook is made.
#[derive(Clone, Default)]
struct Known {
    values: Vec<String>,
    mutable: Vec<String>,
    shared: Vec<String>,
    macros: Vec<String>,
    functions: Vec<String>,
    structs: Vec<u8>,
    typed: Vec<String>,
    files: Vec<String>,
    stored: BTreeMap<Resource, Vec<String>>,
    globs: Vec<u8>,
    traits: Vec<u8>,
}

impl Known {
    fn take_out(&mut self, name: &str) {
        for list in [&mut self.values, &mut self.mutable, &mut self.shared, &mut self.typed] {
            list.retain(|other| other != name);
        }
    }

    fn learn(&mut self, op: &Op) {
        let mut add = |name: &str, extra: Option<fn(&mut Self) -> &mut Vec<String>>| {
            self.take_out(name);
            self.values.push(name.to_owned());
            if let Some(list) = extra {
                list(self).push(name.to_owned());
            }
        };
        match op {
            Op::Let { name, mutable, .. } => add(name, mutable.then_some(|known| &mut known.mutable)),
            Op::Cell { name, .. } | Op::Share { name, .. } => add(name, Some(|known| &mut known.shared)),
            Op::Method { name, .. }
            | Op::Use { name, .. }
            | Op::Call { name, .. }
            | Op::Format { name, .. }
            | Op::Read { name, .. }
            | Op::Var { name }
            | Op::Load { name, .. }
            | Op::Search { name, .. }
            | Op::View { name, .. } => add(name, None),
            Op::New { name, .. } => add(name, Some(|known| &mut known.typed)),
            Op::Macro { name, .. } => {
                self.functions.retain(|other| other != name);
                self.macros.push(name.clone());
            }
            Op::Fn { name, .. } => {
                self.macros.retain(|other| other != name);
                self.functions.push(name.clone());
            }
            Op::Struct(number) => self.structs.push(*number),
            Op::Glob(number) => {
                self.globs.push(*number);
                self.values.push(format!("g{number}"));
            }
            Op::Trait { number, .. } => self.traits.push(*number),
            Op::Write { file, .. } | Op::Append { file, .. } | Op::Copy { to: file, .. } => {
                self.files.push(file.clone())
            }
            Op::Source { table: name, .. } => self.stored.entry(Resource::Table).or_default().push(name.clone()),
            Op::Ingest { corpus: name, .. } => self.stored.entry(Resource::Corpus).or_default().push(name.clone()),
            Op::Define { view: name, .. } => self.stored.entry(Resource::FeatureView).or_default().push(name.clone()),
            Op::Push { .. } | Op::Replace { .. } | Op::Impl { .. } | Op::SetVar { .. } | Op::Panic => {}
        }
    }
}

fn name(choices: &mut Choices) -> String {
    ["a", "b", "c", "d", "e"][choices.below(5)].to_owned()
}

/// Names of functions and macros. A variable of such a name would hide them where an analysis of texts does not see it.
fn item_name(choices: &mut Choices) -> String {
    ["f", "h", "m"][choices.below(3)].to_owned()
}

fn op(choices: &mut Choices, known: &Known, kind: Kind) -> Option<Op> {
    let stored = |resource| known.stored.get(&resource).map_or(&[][..], Vec::as_slice);
    let written = |choices: &mut Choices| ["w0", "w1"][choices.below(2)].to_owned();
    let readable = |choices: &mut Choices| choices.pick(&known.files);
    let salt = choices.salt();
    let op = match choices.below(if kind == Kind::Straight { 7 } else { 30 }) {
        0 | 1 => Op::Let {
            name: name(choices),
            mutable: kind == Kind::Wild && choices.below(2) == 1,
            salt,
            from: choices.some(&known.values),
        },
        2 => Op::Source { table: ["t0", "t1"][choices.below(2)].to_owned(), file: "i0".to_owned() },
        3 => Op::Load { table: choices.pick(stored(Resource::Table))?, name: name(choices) },
        4 => Op::Define { view: "v0".to_owned(), salt },
        5 => Op::View { view: choices.pick(stored(Resource::FeatureView))?, name: name(choices) },
        6 => Op::Let { name: name(choices), mutable: false, salt, from: choices.some(&known.values) },
        7 | 8 => Op::Push { name: choices.pick(&known.mutable)?, salt, from: choices.some(&known.values) },
        9 => Op::Cell { name: name(choices), salt, from: choices.some(&known.values) },
        10 => Op::Share { of: choices.pick(&known.shared)?, name: name(choices) },
        11 => Op::Replace { name: choices.pick(&known.shared)?, salt, from: choices.some(&known.values) },
        12 => Op::Glob(salt % 2),
        13 => Op::Trait { number: salt % 2, unnamed: choices.below(2) == 1 },
        14 => Op::Method {
            on: choices.pick(&known.values)?,
            number: *known.traits.get(usize::from(salt) % known.traits.len().max(1))?,
            name: name(choices),
        },
        15 => Op::Macro { name: item_name(choices), salt, from: choices.pick(&known.values)? },
        16 => Op::Use { of: choices.pick(&known.macros)?, name: name(choices) },
        17 => Op::Write { file: written(choices), salt, from: choices.some(&known.values) },
        18 => Op::Append { file: written(choices), salt, from: choices.some(&known.values) },
        19 => Op::Read { file: readable(choices)?, name: name(choices) },
        20 => match choices.below(3) {
            0 => Op::SetVar { salt, from: choices.some(&known.values) },
            1 => Op::Var { name: name(choices) },
            _ => Op::Copy { from: readable(choices)?, to: written(choices) },
        },
        21 => Op::Source { table: "t0".to_owned(), file: readable(choices)? },
        22 => Op::Ingest { corpus: "c0".to_owned(), file: readable(choices)? },
        23 => Op::Fn { name: item_name(choices), salt, from: choices.some(&known.functions) },
        24 | 25 => Op::Call { of: choices.pick(&known.functions)?, name: name(choices) },
        26 => [Op::Struct(salt % 2)].into_iter().find(|_| !known.structs.contains(&(salt % 2)))?,
        27 => Op::Impl { number: *known.structs.first()?, salt },
        28 => match choices.below(2) {
            0 => Op::New { number: *known.structs.last()?, name: name(choices) },
            _ => Op::Format { on: choices.pick(&known.typed)?, name: name(choices) },
        },
        _ => Op::Search { corpus: choices.pick(stored(Resource::Corpus))?, name: name(choices) },
    };
    Some(op)
}

/// Makes a random notebook and runs it.
fn notebook(choices: Vec<u8>, kind: Kind, tick: u64) -> Ran {
    let mut choices = Choices(choices.into_iter());
    let mut world = World::default();
    (world.tick, world.clock) = (tick, 1_000_000_000_000);
    world.files.insert("i0".to_owned(), (11, 1));
    world.files.insert("i1".to_owned(), (22, 2));
    world.stored.insert((Resource::Table, "t0".to_owned()), (5, 33));
    let mut known = Known { files: vec!["i0".to_owned(), "i1".to_owned()], ..Known::default() };
    known.stored.insert(Resource::Table, vec!["t0".to_owned()]);
    let mut ran =
        Ran { cells: Vec::new(), log: Vec::new(), shown: Vec::new(), before: world.clone(), after: World::default() };
    while choices.0.len() > 0 && ran.cells.len() < 24 {
        let cell = cell(&mut choices, &known, kind, &ran.cells);
        let (execution, shown) = world.run(&cell, ran.cells.len() as u32 + 1);
        if shown.status == CellStatus::Ok {
            cell.ops.iter().for_each(|op| known.learn(op));
        } else if shown.status == CellStatus::Error {
            // What it did before it broke off is known to the world, and its names must not count as immutable any more.
            cell.ops.iter().take_while(|op| **op != Op::Panic).for_each(|op| known.learn(op));
        }
        ran.cells.push(cell);
        ran.log.push(execution);
        ran.shown.push(shown);
    }
    ran.after = world;
    ran
}

fn cell(choices: &mut Choices, known: &Known, kind: Kind, earlier: &[Cell]) -> Cell {
    let again = choices.below(8) == 7 && !earlier.is_empty();
    if again && kind == Kind::Wild {
        return earlier[choices.below(earlier.len())].clone();
    }
    let mut known = known.clone();
    let mut ops = Vec::new();
    for _ in 0..1 + choices.below(if kind == Kind::Straight { 1 } else { 3 }) {
        if let Some(op) = op(choices, &known, kind) {
            known.learn(&op);
            ops.push(op);
        }
    }
    let (mut rejected, mut opaque) = (false, false);
    if kind == Kind::Wild {
        rejected = choices.below(12) == 11;
        opaque = ops.iter().any(|op| matches!(op, Op::Copy { .. }));
        if choices.below(8) == 7 && !ops.iter().all(Op::is_magic) {
            ops.push(Op::Panic);
        }
    }
    // Opaque text cannot be told apart from its neighbours.
    if opaque {
        ops.retain(|op| matches!(op, Op::Copy { .. }));
    }
    Cell { ops, rejected }
}

/// Runs the kept cells alone, on nothing but the plan's inputs.
fn run_slice(ran: &Ran, plan: &Plan) -> (World, Vec<Shown>) {
    let mut world = ran.before.clone();
    let is_input =
        |resource, name: &str| plan.inputs.iter().any(|input| input.resource == resource && input.name == name);
    world.files.retain(|name, _| is_input(Resource::File, name));
    world.stored.retain(|(resource, name), _| is_input(*resource, name));
    let shown = plan
        .kept
        .iter()
        .map(|kept| {
            world.run(&ran.cells[kept.execution.execution_count as usize - 1], kept.execution.execution_count).1
        })
        .collect();
    (world, shown)
}

/// The targets that a notebook has: its last good cell and every variable.
fn targets(ran: &Ran) -> Vec<Target> {
    let good = ran.shown.iter().rposition(|shown| shown.status == CellStatus::Ok);
    let variables = ["a", "b", "c", "d", "e"].map(|name| Target::Variable(name.to_owned()));
    let cells = (0..ran.cells.len())
        .filter(|index| ran.shown[*index].status == CellStatus::Ok && Some(*index) <= good)
        .map(|index| Target::Cell(index as u32 + 1));
    cells.chain(variables).collect()
}

/// What the target came to: the value of a variable, or all that a cell saw.
fn outcome(target: &Target, world: &World, shown: impl Fn(u32) -> Option<Shown>) -> Option<u64> {
    match target {
        Target::Variable(name) => world.clone().value(name),
        Target::Cell(count) => shown(*count).map(|shown| shown.seen),
    }
}

fn whole_outcome(ran: &Ran, target: &Target) -> Option<u64> {
    outcome(target, &ran.after, |count| ran.shown.get(count as usize - 1).copied())
}

fn slice_outcome(ran: &Ran, plan: &Plan) -> Option<u64> {
    let (world, shown) = run_slice(ran, plan);
    outcome(&plan.target, &world, |count| {
        let at = plan.kept.iter().position(|kept| kept.execution.execution_count == count)?;
        Some(shown[at])
    })
}

fn script(ran: &Ran) -> String {
    let cells = ran.log.iter().map(|cell| format!("[{}] {:?}\n{}", cell.execution_count, cell.status, cell.text));
    cells.collect::<Vec<_>>().join("\n")
}

fn counts(plan: &Plan) -> Vec<u32> {
    plan.kept.iter().map(|kept| kept.execution.execution_count).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Executing the slice alone gives the target the value that it has in the whole.
    #[test]
    fn slices_are_sound(choices in proptest::collection::vec(any::<u8>(), 0..240), fast in any::<bool>()) {
        let ran = notebook(choices, Kind::Wild, if fast { 100_000 } else { 1_000_000_000 });
        for target in targets(&ran) {
            let Ok(plan) = aimed(&ran.log, &target, &ran.after.disk()) else { continue };
            if !plan.obstacles.is_empty() {
                continue;
            }
            let whole = whole_outcome(&ran, &target);
            prop_assert_eq!(
                whole, slice_outcome(&ran, &plan),
                "target {}, kept {:?}, inputs {:?}, of\n{}", target, counts(&plan), plan.inputs, script(&ran)
            );
        }
    }

    /// Without mutation every kept cell counts: without it the target comes out differently.
    #[test]
    fn straight_slices_are_exact(choices in proptest::collection::vec(any::<u8>(), 0..160)) {
        let ran = notebook(choices, Kind::Straight, 1_000_000_000);
        for target in targets(&ran) {
            let Ok(plan) = aimed(&ran.log, &target, &ran.after.disk()) else { continue };
            let whole = whole_outcome(&ran, &target);
            prop_assert_eq!(whole, slice_outcome(&ran, &plan), "{}\n{}", target, script(&ran));
            for index in 0..plan.kept.len() {
                let mut less = plan.clone();
                let dropped = less.kept.remove(index).execution.execution_count;
                prop_assert_ne!(
                    whole, slice_outcome(&ran, &less),
                    "In[{}] is not needed for {} in\n{}", dropped, target, script(&ran)
                );
            }
            for input in 0..plan.inputs.len() {
                let mut less = plan.clone();
                less.inputs.remove(input);
                prop_assert_ne!(whole, slice_outcome(&ran, &less), "an input too many");
            }
        }
    }
}

/// A cell's text, what it defines, uses and mutates.
type Written<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str]);

/// A log of Rust cells that ended well, a second apart.
fn log(cells: &[Written<'_>]) -> Vec<Execution> {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let executions = cells.iter().enumerate().map(|(index, (text, defines, uses, mutates))| Execution {
        id: CellId(index as i64),
        execution_count: index as u32 + 1,
        language: Language::Rust,
        text: (*text).to_owned(),
        names: Names { defines: set(defines), uses: set(uses), mutates: set(mutates), ..Names::default() },
        status: CellStatus::Ok,
        effects: Vec::new(),
        bindings: Vec::new(),
        outputs: Vec::new(),
        began: index as u64 * 1_000_000_000,
        ended: Some(index as u64 * 1_000_000_000 + 500_000_000),
    });
    executions.collect()
}

fn effect(access: Access, resource: Resource, name: &str, version: u64) -> Effect {
    Effect { access, resource, name: name.to_owned(), version: Some(version), digest: None }
}

fn no_parameters(_: &str) -> Vec<String> {
    Vec::new()
}

fn aimed(log: &[Execution], target: &Target, disk: &Disk) -> Result<Plan, Error> {
    plan_log(log, &Aim { target, keep: &BTreeSet::new(), parameters: no_parameters }, disk)
}

fn plan(log: &[Execution], target: &str) -> Plan {
    let target = target.parse().expect("a target");
    aimed(log, &target, &Disk::default()).expect("the target is there")
}

fn why_not(plan: &Plan, count: u32) -> WhyNot {
    let left = plan.left_out.iter().find(|left| left.execution_count == count);
    left.map(|left| left.why.clone()).expect("the cell is left out")
}

#[test]
fn the_last_execution_of_a_cell_counts() {
    let log = log(&[
        ("let n = 1;", &["n"], &[], &[]),
        ("let m = n;", &["m"], &["n"], &[]),
        ("let n = 1;", &["n"], &[], &[]),
        ("let k = n;", &["k"], &["n"], &[]),
    ]);
    let plan_k = plan(&log, "k");
    assert_eq!(counts(&plan_k), [3, 4]);
    assert_eq!(why_not(&plan_k, 1), WhyNot::RanAgain(3));
    assert_eq!(counts(&plan(&log, "In[2]")), [1, 2]);
    assert_eq!(plan_k.kept[0].reasons_in_words(), ["defines `n`, for In[4]"]);
    assert_eq!(plan_k.kept[1].reasons_in_words(), ["defines `k`, for the target"]);
    assert_eq!(plan_k.kept[1].needs, [3].into());
}

#[test]
fn a_call_on_an_immutable_name_changes_nothing() {
    let mut log = log(&[
        ("%feature training rides -> df", &["df"], &[], &[]),
        ("let mut rows = 0;", &["rows"], &[], &[]),
        ("println!(\"{}\", df.height());", &[], &["df"], &["df"]),
        ("rows.add(1);", &[], &[], &["rows"]),
        ("let both = (df.height(), rows);", &["both"], &["df", "rows"], &[]),
    ]);
    log[0].bindings = vec![kernwerk_core::BoundValue { name: "df".to_owned(), digest: String::new() }];
    assert_eq!(counts(&plan(&log, "both")), [1, 2, 4, 5]);
}

/// Each parameter is a name behind `%param`.
fn parameters(text: &str) -> Vec<String> {
    text.strip_prefix("%param ").into_iter().map(str::to_owned).collect()
}

#[test]
fn with_other_values_cells_may_do_what_they_were_not_seen_to_do() {
    let mut log = log(&[
        ("%param n", &["n"], &[], &[]),
        ("rows = []", &["rows"], &[], &[]),
        ("size = grow(rows, n)", &["size"], &["grow", "rows", "n"], &[]),
        ("if n > 1:\n    save(n)", &[], &["save", "n"], &[]),
        ("if n > 1:\n    %list", &[], &["n"], &[]),
        ("total = sum(rows)", &["total"], &["rows"], &[]),
        ("both = total, open(name).read()", &["both"], &["total", "name"], &[]),
    ]);
    let mut python = |index: usize, change: &dyn Fn(&mut PythonNames)| {
        log[index].language = Language::Python;
        change(log[index].names.python.get_or_insert_default());
    };
    python(2, &|names| names.perhaps = ["rows".to_owned()].into());
    python(3, &|names| names.writes_files = true);
    python(4, &|names| names.chooses_magics = true);
    python(6, &|names| names.reads_hidden = true);
    let none = BTreeSet::new();
    let plan = |log: &[Execution], target: &str, keep: &BTreeSet<u32>, parameters: fn(&str) -> Vec<String>| {
        let target = target.parse().expect("a target");
        plan_log(log, &Aim { target: &target, keep, parameters }, &Disk::default())
    };
    let kept = |log: &[Execution], target: &str, parameters: fn(&str) -> Vec<String>| {
        counts(&plan(log, target, &none, parameters).expect("the target is there"))
    };
    assert_eq!(kept(&log, "total", no_parameters), [2, 6]);
    assert_eq!(kept(&log, "total", parameters), [1, 2, 3, 6]);
    assert_eq!(kept(&log, "both", parameters), [1, 2, 3, 4, 6, 7]);
    // What reads the lab may read what a magic has written that did not run.
    log[5].effects = vec![effect(Access::Read, Resource::Table, "rides", 1)];
    assert_eq!(kept(&log, "total", parameters), [1, 2, 3, 5, 6]);
    // What somebody asks for is kept with all that it needs.
    let asked = plan(&log, "total", &[4].into(), no_parameters).expect("the target is there");
    assert_eq!(counts(&asked), [1, 2, 4, 6]);
    assert_eq!(asked.kept[2].reasons_in_words(), ["was asked for (`--keep`), for In[6]"]);
    let late = plan(&log, "total", &[7].into(), no_parameters);
    assert!(matches!(late, Err(Error::KeptTooLate { count: 7, .. })), "{late:?}");
    assert!(matches!(plan(&log, "total", &[9].into(), no_parameters), Err(Error::UnknownCell { count: 9, .. })));
}

#[test]
fn a_shared_value_is_changed_through_its_other_names() {
    let log = log(&[
        ("let a = Rc::new(RefCell::new(1));", &["a"], &[], &[]),
        ("let b = a.clone();", &["b"], &["a"], &[]),
        ("let other = 1;", &["other"], &[], &[]),
        ("*b.borrow_mut() = 2;", &[], &["b"], &[]),
        ("let end = *a.borrow();", &["end"], &["a"], &[]),
    ]);
    assert_eq!(counts(&plan(&log, "end")), [1, 2, 4, 5]);
}

#[test]
fn failed_cells_are_kept_only_for_what_they_may_have_done() {
    let mut log = log(&[
        ("let mut v = vec![1];", &["v"], &[], &[]),
        ("v.push(2); panic!();", &[], &[], &["v"]),
        ("let w = nothing.unwrap();", &["w"], &[], &[]),
        ("let w = 1;", &["w"], &[], &[]),
        ("let sum = v.len() + w;", &["sum"], &["v", "w"], &[]),
        ("let broken", &["sum"], &[], &[]),
    ]);
    log[1].status = CellStatus::Error;
    log[2].status = CellStatus::Error;
    log[5].status = CellStatus::Rejected;
    let plan = plan(&log, "sum");
    assert_eq!(counts(&plan), [1, 2, 4, 5]);
    assert!(plan.kept[1].fails());
    assert_eq!(why_not(&plan, 3), WhyNot::Failed);
    assert_eq!(why_not(&plan, 6), WhyNot::Rejected);
}

#[test]
fn tables_are_followed_by_version() {
    let mut log = log(&[
        ("%feature source rides a.csv", &[], &[], &[]),
        ("%feature source rides b.csv", &[], &[], &[]),
        ("%feature list", &[], &[], &[]),
        ("%feature sql", &["x"], &[], &[]),
        ("%feature sql", &["y"], &[], &[]),
    ]);
    log[0].effects = vec![effect(Access::Write, Resource::Table, "rides", 6)];
    log[1].effects = vec![effect(Access::Write, Resource::Table, "rides", 7)];
    log[3].effects = vec![effect(Access::Read, Resource::Table, "rides", 7)];
    log[4].effects = vec![effect(Access::Read, Resource::Table, "rides", 5)];
    let plan_x = plan(&log, "x");
    assert_eq!(counts(&plan_x), [2, 4]);
    assert_eq!(plan_x.kept[0].reasons_in_words(), ["wrote table `rides` version 7, for In[4]"]);
    assert_eq!(why_not(&plan_x, 3), WhyNot::Reports);
    let plan_y = plan(&log, "y");
    assert_eq!(counts(&plan_y), [5]);
    assert_eq!((plan_y.inputs[0].name.as_str(), plan_y.inputs[0].version), ("rides", Some(5)));
}

#[test]
fn a_reason_is_said_once_for_all_that_have_it() {
    let log = log(&[
        ("let n = 1;", &["n"], &[], &[]),
        ("let a = n;", &["a"], &["n"], &[]),
        ("let b = n;", &["b"], &["n"], &[]),
        ("let c = a + b;", &["c"], &["a", "b"], &[]),
    ]);
    assert_eq!(plan(&log, "c").kept[0].reasons_in_words(), ["defines `n`, for In[2] and In[3]"]);
    assert_eq!(plan(&log, "In[4]").kept[3].reasons_in_words(), ["is the target"]);
}

/// The clock of files lags behind by up to a tick, so that the write of a cell may seem to be earlier than the cell.
#[test]
fn a_write_just_before_a_cell_that_names_the_file_is_its_own() {
    let mut log = log(&[
        ("let a = 2;", &["a"], &[], &[]),
        ("std::fs::write(\"out.txt\", \"2\").unwrap();", &[], &[], &[]),
        ("%feature source numbers out.txt", &["t"], &[], &[]),
    ]);
    let began = log[1].began;
    let plan_after = |log: &mut [Execution], modified: u64| {
        log[2].effects = vec![effect(Access::Read, Resource::File, "out.txt", modified)];
        let files = [("out.txt".to_owned(), FileState { modified, digest: None })].into();
        let disk = Disk { files, mentions: [("out.txt".to_owned(), "out.txt".to_owned())].into() };
        aimed(log, &"t".parse().expect("a target"), &disk).expect("the target is there")
    };
    for lag in [0, 4_000_000, 9_000_000] {
        let plan = plan_after(&mut log, began - lag);
        assert_eq!((counts(&plan), plan.inputs.len()), (vec![2, 3], 0), "{lag} ns");
    }
    // Longer ago it was somebody else.
    assert_eq!(plan_after(&mut log, began - 100_000_000).inputs.len(), 1);
}

#[test]
fn two_versions_of_one_input_are_an_obstacle() {
    let mut log = log(&[("%feature sql", &["x"], &[], &[]), ("%feature sql", &["y"], &["x"], &[])]);
    log[0].effects = vec![effect(Access::Read, Resource::Table, "rides", 5)];
    log[1].effects = vec![effect(Access::Read, Resource::Table, "rides", 6)];
    assert_eq!(plan(&log, "y").obstacles.len(), 1);
    assert!(plan(&log, "x").obstacles.is_empty());
}

#[test]
fn a_view_from_elsewhere_is_an_obstacle() {
    let mut log = log(&[("%feature training", &["x"], &[], &[])]);
    log[0].effects = vec![effect(Access::Read, Resource::FeatureView, "busy", 1)];
    assert!(plan(&log, "x").obstacles[0].contains("feature view `busy`"));
}

#[test]
fn imports_are_kept_for_the_methods_that_they_may_provide() {
    let log = log(&[
        ("use std::fmt::Write;", &["Write"], &[], &[]),
        ("let x = 1;", &["x"], &[], &[]),
        ("let mut s = String::new(); writeln!(s, \"{x}\");", &["s"], &["x"], &[]),
        ("let y = x;", &["y"], &["x"], &[]),
    ]);
    assert_eq!(counts(&plan(&log, "s")), [1, 2, 3]);
    assert_eq!(counts(&plan(&log, "y")), [2, 4]);
}

#[test]
fn a_glob_import_serves_nothing_that_ran_before_it() {
    let mut log = log(&[
        (
            "use polars::prelude::*;\nlet by_zone = frame().group_by(col(\"zone\"));",
            &["by_zone"],
            &["col", "frame"],
            &[],
        ),
        ("use plotters::prelude::*;\nlet chart = plot(by_zone.height());", &["chart"], &["by_zone"], &["by_zone"]),
        ("fn double(n: u64) -> u64 { twice(n.pow(1)) }", &["double"], &["twice"], &[]),
        ("use late::prelude::*;", &[], &[], &[]),
        ("let four = double(2);", &["four"], &["double"], &[]),
    ]);
    for glob in [0, 1, 3] {
        log[glob].names.defines_any = true;
    }
    assert_eq!(counts(&plan(&log, "by_zone")), [1]);
    // The function was compiled without the last import.
    assert_eq!(counts(&plan(&log, "four")), [1, 2, 3, 5]);
}

#[test]
fn barriers_before_the_target_are_kept() {
    let mut log = log(&[
        ("let a = 1;", &["a"], &[], &[]),
        ("!make data", &[], &[], &[]),
        ("let b = 1;", &["b"], &[], &[]),
        ("!make more", &[], &[], &[]),
    ]);
    log[1].names.barrier = true;
    log[3].names.barrier = true;
    let plan = plan(&log, "b");
    assert_eq!(counts(&plan), [2, 3]);
    assert_eq!(plan.kept[0].reasons[0].why, Why::Barrier);
    assert_eq!(why_not(&plan, 4), WhyNot::Unused);
}

#[test]
fn targets_are_read_and_missed_clearly() {
    assert_eq!("7".parse::<Target>().expect("a count"), Target::Cell(7));
    assert_eq!(" In[7] ".parse::<Target>().expect("a label"), Target::Cell(7));
    assert_eq!("In [7]".parse::<Target>().expect("a label"), Target::Cell(7));
    assert_eq!("df_2".parse::<Target>().expect("a name"), Target::Variable("df_2".to_owned()));
    for bad in ["", "a b", "7x", "a-b", "In[x]"] {
        assert!(matches!(bad.parse::<Target>(), Err(Error::BadTarget { .. })), "{bad}");
    }
    let mut log = log(&[("let frame = 1;", &["frame"], &[], &[]), ("frame.x", &[], &["frame"], &[])]);
    log[1].status = CellStatus::Error;
    let miss = |target: &str| aimed(&log, &target.parse().expect("a target"), &Disk::default());
    match miss("total") {
        Err(Error::UnknownVariable { near, .. }) => assert_eq!(near, Vec::<String>::new()),
        other => panic!("{other:?}"),
    }
    match miss("fram") {
        Err(error) => assert_eq!(error.hint().as_deref(), Some("did you mean `frame`?")),
        other => panic!("{other:?}"),
    }
    assert!(matches!(miss("9"), Err(Error::UnknownCell { latest: Some(2), .. })));
    assert!(matches!(miss("2"), Err(Error::TargetFailed { .. })));
    // A name that only a failed cell makes is no slip of the pen.
    log[0].status = CellStatus::Rejected;
    let miss = |target: &str| aimed(&log, &target.parse().expect("a target"), &Disk::default());
    let error = miss("frame").expect_err("it has no value");
    assert!(error.to_string().starts_with("`frame` has no value: In[1], which makes it, did not compile"), "{error}");
    assert!(matches!(miss("fram"), Err(Error::UnknownVariable { near, .. }) if near.is_empty()));
}
