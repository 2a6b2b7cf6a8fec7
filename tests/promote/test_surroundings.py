"""What runs of an artifact find around them: the same environment, home, time zone, locale and number of threads on every machine, and no network."""

import socket
import subprocess
import threading
import tomllib

import pytest

from artifact import Project, assert_differs, assert_not_run
from house import PROGRAM, Kernel
from surroundings import ONE_CORE, elsewhere, replay

CELLS = {
    "fare": 'let tariff: f64 = std::env::var("KW_TARIFF")?.parse()?;\nlet fare = tariff * 1.5;\nprintln!("{fare}");\nfare',
    "token": 'let token = std::env::var("KW_API_TOKEN")?.len();\nprintln!("{token}");\ntoken',
    "clock": """let settings = ["TZ", "LC_ALL", "OMP_NUM_THREADS"].map(|name| std::env::var(name).is_ok());
let inside = std::process::Command::new("date").args(["-d", "@0", "+%F %T %a"]).output()?;
let clock = String::from_utf8(inside.stdout)?;
println!("{clock}");""",
    "house": 'let house = std::env::var("HOME")?;\nhouse.clone()',
    "reached": """let mut line = std::net::TcpStream::connect("127.0.0.1:PORT")?;
let reached = std::io::read_to_string(&mut line)?;
println!("{reached}");""",
    "echoed": """let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
let address = listener.local_addr()?;
let answering = std::thread::spawn(move || listener.accept().map(|_| ()));
std::net::TcpStream::connect(address)?;
answering.join().unwrap()?;
let echoed = 7;
println!("{echoed}");""",
}


def can_leave_network() -> bool:
    return subprocess.run([PROGRAM, "confined"], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def server():
    """Answers everybody who connects."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.sendall(b"from outside")
                connection.close()

        threading.Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]


@pytest.fixture(scope="module")
def project(tmp_path_factory, server):
    project = Project(tmp_path_factory.mktemp("surroundings") / "project")
    project.directory.mkdir()
    environment = {"KW_TARIFF": "8", "KW_API_TOKEN": "abcdef", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    published = {}
    with Kernel(project.directory, environment) as kernel:
        kernel.run("%lab init").ok()
        for name, text in CELLS.items():
            kernel.run(text.replace("PORT", str(server))).ok()
            published[name] = kernel.run(f"%promote publish {name} --target {name}")
        published["live"] = kernel.run("%promote publish live --target reached --live")
    return project, published


def pinned(project, name) -> dict:
    return tomllib.loads((project.directory / "pipelines" / name / "1" / "pipeline.toml").read_text())["environment"]


def test_a_variable_that_a_cell_reads_is_pinned(project, tmp_path):
    project, published = project
    assert "`KW_TARIFF` of the environment is pinned to `8`" in published["fare"].ok()
    assert pinned(project, "fare")["variables"] == {"KW_TARIFF": "8"}
    assert replay(project.directory, "fare", environment=elsewhere(tmp_path, KW_TARIFF="9")).code == 0
    assert replay(project.directory, "fare", environment=elsewhere(tmp_path)).code == 0


def test_time_zone_locale_threads_and_cores_of_another_machine_change_nothing(project, tmp_path):
    project, published = project
    published["clock"].ok()
    report = replay(project.directory, "clock", environment=elsewhere(tmp_path), first=ONE_CORE)
    assert report.code == 0, report.stdout + report.stderr


def test_a_secret_stays_out_of_the_artifact_and_is_asked_for(project, tmp_path):
    project, published = project
    assert "`KW_API_TOKEN`" in published["token"].ok()
    assert pinned(project, "token")["secrets"] == ["KW_API_TOKEN"]
    held = [path for path in (project.directory / "pipelines" / "token").rglob("*") if path.is_file() and b"abcdef" in path.read_bytes()]
    assert not held
    assert_not_run(replay(project.directory, "token", environment=elsewhere(tmp_path)), "missing: the secret `KW_API_TOKEN`")
    assert replay(project.directory, "token", environment=elsewhere(tmp_path, KW_API_TOKEN="ghijkl")).code == 0
    assert_differs(replay(project.directory, "token", environment=elsewhere(tmp_path, KW_API_TOKEN="longer than that")), "is the first to diverge")


def test_what_tells_of_the_user_is_refused_with_the_reason(project):
    project, published = project
    published["house"].failed("differs from the notebook", "it asks for `HOME`")
    assert not (project.directory / "pipelines" / "house").exists()


@pytest.mark.skipif(not can_leave_network(), reason="this system does not let its user leave the network")
def test_the_network_is_kept_away_but_for_what_cells_serve_themselves(project):
    project, published = project
    published["reached"].failed("the proof run failed", "the network is kept away", "`--live`")
    assert not (project.directory / "pipelines" / "reached").exists()
    published["echoed"].ok()
    assert replay(project.directory, "echoed").code == 0


def test_cells_that_need_the_network_are_published_and_replayed_live(project):
    project, published = project
    assert "use the network" in published["live"].ok()
    assert pinned(project, "live")["network"] is True
    assert_not_run(replay(project.directory, "live"), "its cells use the network", "`--live`")
    live = replay(project.directory, "live", "--live")
    assert live.code == 0 and "free to use the network" in live.stdout, live.stdout + live.stderr
