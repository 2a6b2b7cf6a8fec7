"""A cell of Rust that does nothing at the recorded value of a parameter may do something at another: a run gives what the whole notebook would give."""

import ast

import pytest

from artifact import Project
from house import Kernel

# What each case has before the parameter acts, the cell in which it acts, and what is read of it later, as a text.
CASES = {
    "command": ('std::fs::write("told.txt", "1")?;', 'if n > 1 { std::process::Command::new("sh").args(["-c", "printf 9 > told.txt"]).status()?; }', 'std::fs::read_to_string("told.txt")?'),
    "commanded": ('std::fs::write("asked.txt", "1")?;', 'if n > 1 { std::fs::write("asked.txt", "9")?; }', 'String::from_utf8(std::process::Command::new("sh").args(["-c", "cat asked.txt"]).output()?.stdout)?'),
    "file": ('fn spot(stem: &str) -> String { format!("{stem}.txt") }\nfn note(path: &str, text: &str) { std::fs::write(path, text).unwrap(); }\nnote(&spot("kept"), "1");', 'if n > 1 { note(&spot("kept"), "9"); }', 'std::fs::read_to_string("kept.txt")?'),
    "removed": ('note(&spot("gone"), "1");', 'if n > 1 { std::fs::remove_file(spot("gone"))?; }', 'std::path::Path::new("gone.txt").exists().to_string()'),
    "handle": ('use std::io::Write;\nlet mut lines = std::fs::File::create("lines.txt")?;\nlines.write_all(b"1")?;', 'for _ in 1..n { lines.write_all(b"9")?; }', 'std::fs::read_to_string("lines.txt")?'),
    "environment": ('let plain = 1;', 'if n > 1 { unsafe { std::env::set_var("KERNWERK_CASE", "9") }; }', 'std::env::var("KERNWERK_CASE").unwrap_or_default()'),
    "inner": ('use std::cell::{Cell, RefCell};\nuse std::rc::Rc;\nstruct Tally { total: Cell<i64> }\nimpl Tally { fn more(&self, k: i64) { self.total.set(self.total.get() + k); } }\nlet tally = Tally { total: Cell::new(0) };', 'tally.more(n - 1);', 'tally.total.get().to_string()'),
    "closure": ('let shared = Rc::new(RefCell::new(vec![0i64]));\nlet push: Box<dyn Fn(i64)> = { let inner = shared.clone(); Box::new(move |k| if k > 0 { inner.borrow_mut().push(k) }) };', 'push(n - 1);', 'format!("{:?}", shared.borrow())'),
    "iterator": ('let mut stream = 0..9i64;', 'let taken = stream.by_ref().take((n - 1) as usize).count();', 'format!("{:?}", stream.clone().next())'),
    "swapped": ('let mut one = 1i64;\nlet mut two = 2i64;', 'if n > 1 { std::mem::swap(&mut one, &mut two); }', 'format!("{one} {two}")'),
    "channel": ('let (sender, receiver) = std::sync::mpsc::channel::<i64>();', 'for k in 1..n { sender.send(k)?; }', 'format!("{:?}", receiver.try_iter().collect::<Vec<_>>())'),
    "thread": ('use std::sync::{Arc, Mutex};\nlet board = Arc::new(Mutex::new(Vec::<i64>::new()));', 'for k in 1..n { let board = board.clone(); std::thread::spawn(move || board.lock().unwrap().push(k)).join().unwrap(); }', 'format!("{:?}", board.lock().unwrap())'),
    "child": ('let mut child = std::process::Command::new("sh");\nchild.args(["-c", "printf z >> child.txt"]);\nstd::fs::write("child.txt", "")?;', 'for _ in 1..n { child.status()?; }', 'std::fs::read_to_string("child.txt")?'),
    "references": ('let tallied = Rc::new(7i64);\nlet mut holders: Vec<Rc<i64>> = Vec::new();', 'if n > 1 { holders.push(tallied.clone()) }', 'Rc::strong_count(&tallied).to_string()'),
    "operator": ('struct Meter { read: Cell<i64> }\nimpl std::ops::Add<i64> for &Meter { type Output = i64; fn add(self, k: i64) -> i64 { self.read.set(self.read.get() + k); k } }\nlet meter = Meter { read: Cell::new(0) };', 'let added = &meter + (n - 1);', 'meter.read.get().to_string()'),
    "flag": ('let unflagged = 1;', 'if n > 1 { std::fs::write("flag", "")?; }', 'std::path::Path::new("flag").exists().to_string()'),
    "magic": ('%feature source rides rides.csv --event-time pickup\n%feature sql SELECT count(*) AS rides FROM rides -> counted', 'if n > 1 { magic!("feature source rides more.csv --event-time pickup")?; }', '{ magic!("feature sql SELECT sum(fare) AS fare FROM rides")?.text().to_owned() }'),
}  # fmt: skip
LOOKING = ['println!("{} {one}", n);', "one + n + two", "%feature sql SELECT max(fare) AS fare FROM rides WHERE fare > $n"]
RESULTS = [f"let {name}_result: String = {read};" for name, (_, _, read) in CASES.items()]
TARGET = "let whole: Vec<String> = vec![" + ", ".join(f"{name}_result.clone()" for name in CASES) + "];\nprintln!(\"{whole:?}\");"
CELLS = [cell for before, acting, _ in CASES.values() for cell in (before, acting)]
RIDES = "ride,pickup,fare\n1,2026-03-01T08:00:00Z,{}\n2,2026-03-01T08:10:00Z,7.25\n"


def project_in(directory) -> Project:
    project = Project(directory)
    project.write("rides.csv", RIDES.format("12.5"))
    project.write("more.csv", RIDES.format("99"))
    return project


def whole_notebook(directory, n: int, then=()) -> tuple[Project, list]:
    """Runs all of the notebook with this value; what its last cell prints."""
    project = project_in(directory)
    with Kernel(project.directory, {"JPY_SESSION_NAME": str(project.directory / "values.ipynb")}) as kernel:
        kernel.run("%lab init").ok()
        for cell in [f"%promote param n={n}", *CELLS, *LOOKING, *RESULTS]:
            kernel.run(cell).ok()
        printed = kernel.run(TARGET).ok()
        for line in then:
            kernel.run(line).ok()
    return project, ast.literal_eval(printed.strip())


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return whole_notebook(tmp_path_factory.mktemp("values"), 1, ["%promote publish whole --target whole --input more.csv"])


def test_a_run_with_another_value_gives_what_the_whole_notebook_would(published, tmp_path):
    project, recorded = published
    _, expected = whole_notebook(tmp_path, 3)
    report = project("promote", "run", "whole", "--param", "n=3", "--format", "json", seconds=300)
    report.ok()
    record = report.json()
    file = project.directory / ".kernwerk" / "runs" / record["id"] / record["result"]["file"]
    given = ast.literal_eval(file.read_text())
    for name, was, is_, gives in zip(CASES, recorded, expected, given, strict=True):
        assert was != is_, f"the case {name} tells nothing"
        assert gives == is_, (name, gives, is_)


def test_cells_that_only_look_are_left_out(published):
    project, _ = published
    texts = [path.read_text().strip() for path in (project.directory / "pipelines" / "whole" / "1" / "cells").iterdir()]
    assert not [cell for cell in LOOKING if cell in texts]
    assert all(acting in texts for _, acting, _ in CASES.values())
