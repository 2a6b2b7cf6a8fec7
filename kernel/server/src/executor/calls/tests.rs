//! The socket with callers of every kind, in place of a cell's process.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

use kernwerk_core::{Access, Cancel, CellStatus, Event, Language, Names, Resource};
use kernwerk_session::{CellStart, CellSummary, Options, Session};
use kernwerk_wire::Wanted;

use super::*;
use serde_json::Value;

use crate::engine::{Bundle, Following, Outputs, Shown};
use crate::executor::Executor;
use crate::executor::recorder::Recorder;

struct Nowhere;

impl Outputs for Nowhere {
    fn show(&self, _shown: Shown) {}

    fn event(&self, _event: Event) {}

    fn progress_ended(&self) {}

    fn input(&self, _prompt: &str, _password: bool) -> Result<String, Problem> {
        Err(Problem::new("NoInput", "nobody is there"))
    }

    fn follow(&self, _first: Bundle, _answer: Following) {}

    fn end_following(&self) {}

    fn widget_value(&self, _name: &str) -> Option<Value> {
        None
    }
}

/// A notebook's directory with rides to load.
struct Notebook {
    directory: TempDir,
    executor: Executor,
    session: Session,
    calls: Calls,
}

impl Notebook {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let rides = "ride,zone,pickup\n1,A,2026-03-01T08:00:00Z\n2,B,2026-03-01T09:00:00Z\n";
        std::fs::write(directory.path().join("rides.csv"), rides).expect("written");
        let options = Options {
            directory: directory.path().to_owned(),
            lab: None,
            principal: None,
            notebook: None,
            program: "/nowhere/kernwerk".into(),
            pins: Vec::new(),
            parameters: std::collections::BTreeMap::new(),
        };
        let session = Session::open(options.clone()).expect("a session");
        Self { directory, executor: Executor::new(options), session, calls: Calls::listen().expect("a socket") }
    }

    /// What `cell` gives, and what is recorded of it.
    fn during<T>(&self, cancel: &Cancel, cell: impl FnOnce() -> T) -> (T, CellSummary) {
        let start = CellStart {
            execution_count: 1,
            language: Language::Rust,
            text: String::new(),
            names: Names::default(),
            cell: None,
        };
        let running = self.session.begin_cell(start);
        let recorder = Recorder::new(Arc::new(Nowhere), false);
        let caller = Caller::new(&self.executor, &self.session, &running, &recorder, cancel);
        let result = self.calls.during(&caller, cell, |_| true);
        (result, self.session.finish_cell(running, CellStatus::Ok, &[]))
    }

    fn socket(&self) -> PathBuf {
        PathBuf::from(&self.calls.environment()[0].1)
    }

    fn connect(&self) -> UnixStream {
        let connection = UnixStream::connect(self.socket()).expect("somebody listens");
        connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
        connection
    }

    fn call(&self, token: &str, wanted: Wanted) -> Given {
        let mut connection = self.connect();
        kernwerk_wire::write(&mut connection, &Call { token: token.to_owned(), wanted }).expect("taken");
        kernwerk_wire::read(&mut connection).expect("an answer").expect("an answer")
    }

    fn magic(&self, text: &str) -> Given {
        self.call(&self.calls.token, Wanted::Magic { text: text.to_owned() })
    }
}

#[track_caller]
fn refusal(given: Given) -> (String, String) {
    let Given::Refused { name, message, .. } = given else { panic!("it was not refused: {given:?}") };
    (name, message)
}

#[test]
fn calls_are_recorded_with_the_cell_that_runs() {
    let notebook = Notebook::new();
    let ((), made) = notebook.during(&Cancel::new(), || {
        let given = notebook.magic("feature source rides rides.csv --event-time pickup --key ride");
        assert!(matches!(&given, Given::Magic { verdict, .. } if verdict == "passed"), "{given:?}");
    });
    assert!(made.effects.iter().any(|effect| effect.access == Access::Write && effect.name == "rides"), "{made:?}");
    let (frame, read) = notebook.during(&Cancel::new(), || {
        let Given::Magic { text, frame, .. } = notebook.magic("%%feature sql\nSELECT zone FROM rides ORDER BY zone")
        else {
            panic!("no answer")
        };
        assert!(text.contains('A') && text.contains("2 rows"), "{text}");
        frame.expect("a table")
    });
    assert!(
        frame.starts_with(notebook.directory.path().canonicalize().expect("a path").join(".kernwerk/exchange"))
            || frame.starts_with(notebook.directory.path().join(".kernwerk/exchange")),
        "{frame:?}"
    );
    let reads = |summary: &CellSummary| {
        let is_read = |effect: &&kernwerk_core::Effect| {
            effect.access == Access::Read && effect.resource == Resource::Table && effect.digest.is_some()
        };
        summary.effects.iter().filter(is_read).map(|effect| effect.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(reads(&read), ["rides"]);
    let (given, read) = notebook.during(&Cancel::new(), || {
        let token = &notebook.calls.token;
        assert_eq!(notebook.call(token, Wanted::Tables), Given::Tables { names: vec!["rides".to_owned()] });
        assert!(
            matches!(notebook.call(token, Wanted::Lab), Given::Lab { path } if path.join("kernwerk.toml").is_file())
        );
        notebook.call(token, Wanted::Table { name: "rides".to_owned() })
    });
    assert!(matches!(given, Given::Table { path } if path.is_file()));
    assert_eq!(reads(&read), ["rides"]);
    // What a call binds is there for later cells.
    let (given, bound) = notebook.during(&Cancel::new(), || notebook.magic("feature sql SELECT 1 AS one -> one"));
    assert!(matches!(given, Given::Magic { frame: Some(_), .. }), "{given:?}");
    assert!(notebook.executor.scope().holds("one") && bound.bindings.iter().any(|value| value.name == "one"));
}

#[test]
fn what_is_wrong_is_said() {
    let notebook = Notebook::new();
    let ((), summary) = notebook.during(&Cancel::new(), || {
        assert_eq!(refusal(notebook.call("guessed", Wanted::Lab)).0, "WrongToken");
        assert_eq!(refusal(notebook.magic("feature lst")).0, "UnknownVerb");
        assert_eq!(refusal(notebook.magic("feature sql 'open")).0, "MagicSyntax");
        assert_eq!(refusal(notebook.magic("feature sql SELECT 1")).0, "NoLab");
        let Given::Magic { frame: Some(frame), .. } = notebook.magic("lab doctor") else { panic!("no table") };
        assert!(frame.starts_with(notebook.socket().parent().expect("a directory")) && frame.is_file());
        assert!(!notebook.directory.path().join(".kernwerk").exists(), "what only reads makes no lab");
        assert!(matches!(notebook.magic("lab init"), Given::Magic { .. }));
        let (name, message) = refusal(notebook.call(&notebook.calls.token, Wanted::Table { name: "ridse".to_owned() }));
        assert!(message.contains("ridse"), "{name}: {message}");
        let mut connection = notebook.connect();
        connection.write_all(&[2, 0, 0, 0, b'{', b'}']).expect("taken");
        assert_eq!(refusal(kernwerk_wire::read(&mut connection).expect("an answer").expect("an answer")).0, "BadCall");
    });
    assert!(summary.effects.iter().all(|effect| effect.access == Access::Write), "{summary:?}");
    assert_eq!(refusal(notebook.magic("lab status")).0, "NoCell");
}

#[test]
fn a_caller_that_says_nothing_holds_nobody_up() {
    let notebook = Notebook::new();
    let begun = Instant::now();
    let ((), _) = notebook.during(&Cancel::new(), || {
        let _mute = notebook.connect();
        drop(notebook.connect());
        assert!(matches!(notebook.magic("lab status"), Given::Magic { .. }));
        // Several at once.
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| assert!(matches!(notebook.magic("lab status"), Given::Magic { .. })));
            }
        });
    });
    assert!(begun.elapsed() < PATIENCE, "it took {:?}", begun.elapsed());
}

#[test]
fn an_interrupt_stops_what_a_cell_called() {
    let notebook = Notebook::new();
    notebook.during(&Cancel::new(), || notebook.magic("lab init"));
    let (endless, cancel) =
        ("feature sql SELECT count(*) FROM range(1, 10000000) AS a, range(1, 10000000) AS b", Cancel::new());
    let (given, _) = notebook.during(&cancel, || {
        std::thread::scope(|threads| {
            let call = threads.spawn(|| notebook.magic(endless));
            std::thread::sleep(Duration::from_millis(200));
            assert!(!call.is_finished(), "the query is too quick for this test");
            cancel.cancel();
            call.join().expect("an answer")
        })
    });
    assert_eq!(refusal(given).0, Problem::INTERRUPTED);
    // A cell whose process died waits for nothing that it called.
    let running = notebook.session.begin_cell(CellStart {
        execution_count: 1,
        language: Language::Rust,
        text: String::new(),
        names: Names::default(),
        cell: None,
    });
    let recorder = Recorder::new(Arc::new(Nowhere), false);
    let caller = Caller::new(&notebook.executor, &notebook.session, &running, &recorder, &Cancel::new());
    let begun = Instant::now();
    notebook.calls.during(
        &caller,
        || {
            let call = Call { token: notebook.calls.token.clone(), wanted: Wanted::Magic { text: endless.to_owned() } };
            let mut connection = notebook.connect();
            kernwerk_wire::write(&mut connection, &call).expect("taken");
        },
        |()| false,
    );
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
}

#[test]
fn the_socket_is_its_owner_s_alone_and_goes_with_the_kernel() {
    let notebook = Notebook::new();
    let socket = notebook.socket();
    let directory = socket.parent().expect("a directory").to_owned();
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!((mode(&socket), mode(&directory)), (0o600, 0o700));
    notebook.calls.close();
    assert!(!directory.exists());
    assert!(notebook.calls.environment().is_empty());
    // A killed kernel's is swept up by the next; that of a living one stays.
    let parent = tempfile::tempdir().expect("a directory");
    let made = |name: &str| {
        let directory = parent.path().join(format!("{PREFIX}{name}"));
        std::fs::create_dir(&directory).expect("made");
        (UnixListener::bind(directory.join(SOCKET)).expect("bound"), directory)
    };
    let (dead, living, making) = (made("dead"), made("living"), parent.path().join(format!("{PREFIX}making")));
    std::fs::create_dir(&making).expect("made");
    drop(dead.0);
    sweep(parent.path());
    assert!(!dead.1.exists() && living.1.exists() && making.exists());
}
