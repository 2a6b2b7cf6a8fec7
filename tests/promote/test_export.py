"""Artifacts in the forms of other tools, each used by the tool itself: what is exported runs, fails where it must, and takes nobody's place."""

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pyarrow
import pytest
from blake3 import blake3

from artifact import Project
from house import CHECKOUT, PROGRAM, Kernel

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n3,1,2026-03-01T08:20:00Z,9.75\n"
NOTEBOOK = "work/rides.ipynb"
LONG = pytest.mark.skipif(not os.environ.get("KERNWERK_TORTURE"), reason="runs with the long forms")
MAGICS = [
    "%feature source rides '../the rides.csv' --event-time pickup",
    "%%feature sql -> fares\nSELECT zone, 'it''s $HOME' AS note, avg(fare) AS fare\nFROM rides GROUP BY zone ORDER BY zone",
]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A lab with an artifact of magics alone."""
    project = Project(tmp_path_factory.mktemp("exports") / "the lab")
    project.directory.mkdir()
    project.write("the rides.csv", RIDES)
    project.write("kernwerk.toml", "")
    (project.directory / "work").mkdir()
    with Kernel(project.directory / "work", {"JPY_SESSION_NAME": str(project.directory / NOTEBOOK)}) as kernel:
        for cell in MAGICS:
            kernel.run(cell).ok()
    project("promote", "publish", "zone-fares", "--target", "fares", "--notebook", NOTEBOOK).ok()
    return project


@pytest.fixture
def project(published, tmp_path):
    """The same in another place, for one test to spoil."""
    shutil.copytree(published.directory, tmp_path / "a lab")
    return Project(tmp_path / "a lab")


def export(project, form, *words, artifact="zone-fares", **options):
    return project("promote", "export", artifact, "--to", form, *words, **options)


def artifact_of(project, name="zone-fares"):
    return project.directory / "pipelines" / name / "1"


def replace_in_artifact(project, file, old, new, name="zone-fares"):
    """Changes a file of an artifact and digests it anew, as if it had been published so."""
    project.artifact_path = Path("pipelines") / name / "1"
    path = project.artifact(file)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    project.forge(f"{name}@1")


def test_a_script_runs_in_a_shell_and_gives_the_target(project):
    (project.directory / "bin").mkdir()
    export(project, "script", "--output", "bin/fares.sh").ok()
    script = project.directory / "bin" / "fares.sh"
    assert os.access(script, os.X_OK)
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    ran = subprocess.run([script], cwd="/", env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (reference,) = artifact_of(project).glob("outputs/*-fares.arrow")
    with pyarrow.ipc.open_stream(project.directory / "work" / "fares.arrow") as found:
        found = found.read_all()
    assert found.to_pylist() == pyarrow.ipc.open_file(reference).read_all().to_pylist()
    assert found.column("note").to_pylist() == ["it's $HOME"] * 2


# A variable that later commands read, one of which puts its own result in its place.
VARIABLES = [
    "%feature source rides rides.csv --event-time pickup",
    "%%feature define zones --entity zone --event-time pickup --ttl 1d\nSELECT zone, pickup, fare AS last_fare FROM rides",
    '%feature sql "SELECT ride, zone, pickup FROM rides WHERE fare >= 9 ORDER BY ride" -> picked',
    "%feature training picked --features zones.last_fare --event-time pickup -> picked",
    "%feature training picked --features zones.last_fare --event-time pickup --full-names -> frame",
]


def test_a_script_hands_variables_on_to_later_commands(tmp_path):
    project = Project(tmp_path / "the lab")
    project.directory.mkdir()
    project.write("rides.csv", RIDES)
    with Kernel(project.directory, {"JPY_SESSION_NAME": str(project.directory / "frame.ipynb")}) as kernel:
        kernel.run("%lab init").ok()
        for cell in VARIABLES:
            kernel.run(cell).ok()
    project("promote", "publish", "frame", "--target", "frame", "--notebook", "frame.ipynb").ok()
    export(project, "script", "--output", "frame.sh", artifact="frame").ok()
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    (reference,) = artifact_of(project, "frame").glob("outputs/*-frame.arrow")
    expected = pyarrow.ipc.open_file(reference).read_all().to_pylist()
    assert len(expected) == 2 and expected[0]["zones__last_fare"] == 12.5, expected
    for _ in range(2):
        ran = subprocess.run(["sh", "frame.sh"], cwd=project.directory, env=environment, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        with pyarrow.ipc.open_stream(project.directory / "frame.arrow") as found:
            assert found.read_all().to_pylist() == expected


def test_a_variable_of_the_shell_is_the_table_of_a_file(project):
    training = ["feature", "training", "picked", "--features", "rides.fare", "--event-time", "pickup"]
    for word, words in [
        ("picked", ["`--bind picked`", "NAME=FILE"]),
        ("picked=none.arrow", ["none.arrow", "No such file"]),
        ("picked=the rides.csv", ["the rides.csv", "no table that can be read"]),
        ("a b=the rides.csv", ["`a b`", "cannot be the name of a variable"]),
    ]:
        project(*training, "--bind", word).failed(*words)


def test_a_script_ends_at_the_first_command_that_fails(project):
    export(project, "script", "--output", "fares.sh").ok()
    (project.directory / "the rides.csv").unlink()
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    ran = subprocess.run(["sh", "fares.sh"], cwd=project.directory, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode != 0 and "the rides.csv" in ran.stderr
    assert not (project.directory / "work" / "fares.arrow").exists()


def test_a_notebook_runs_in_the_kernel(project):
    export(project, "notebook", "--output", "work").ok()
    path = project.directory / "work" / "zone-fares-1.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "zone-fares@1" in notebook.cells[0].source
    assert [cell.source for cell in notebook.cells if cell.cell_type == "code"] == MAGICS
    with Kernel(path.parent, name=notebook.metadata.kernelspec.name) as kernel:
        shown = [kernel.run(cell.source).ok() for cell in notebook.cells if cell.cell_type == "code"]
    assert "it's $HOME" in shown[-1]


def test_what_is_not_sound_is_not_exported(project):
    (cell,) = artifact_of(project).glob("cells/02.rs")
    cell.write_text(cell.read_text() + " ")
    for form in ("script", "notebook", "dagster", "airflow"):
        export(project, form, "--output", "out").failed("cells/02.rs", "not what was published")
    assert not (project.directory / "out").exists()


def test_who_asks_for_signatures_exports_nothing_unsigned(project):
    line = project("promote", "key", "ada", "--directory", "keys").ok()
    (public,) = re.findall(r'ada = ".+"', line)
    project.write("kernwerk.toml", f"[promote.keys]\n{public}\n")
    export(project, "notebook").failed("none of the keys", "signed")
    project("promote", "sign", "zone-fares@1", "--key", "ada", "--directory", "keys").ok()
    export(project, "notebook").ok()


def test_nobodys_file_is_replaced(project):
    """An export gives way to the next one; what somebody wrote or changed stays."""
    target = project.write("fares.py", "mine = 1\n")
    export(project, "dagster", "--output", "fares.py").failed("no export", "--overwrite")
    assert target.read_text() == "mine = 1\n"
    export(project, "dagster", "--output", "fares.py", "--overwrite").ok()
    assert "already" in export(project, "dagster", "--output", "fares.py").ok()
    export(project, "airflow", "--output", "fares.py").ok()
    target.write_text(target.read_text().replace('"zone_fares"', '"my_fares"'))
    export(project, "dagster", "--output", "fares.py").failed("no export")
    assert '"my_fares"' in target.read_text()
    (project.directory / "work" / "deep").mkdir()
    export(project, "dagster", "--output", "work/deep/fares.py").ok()
    export(project, "dagster", "--output", "fares.py/deeper").failed("fares.py")
    assert not list(project.directory.rglob(".kernwerk-export*"))


# Runs the exported job in a process of Dagster's, once for each configuration on its standard input, and says what it saw.
DAGSTER = """
import importlib.util, json, sys
import dagster
spec = importlib.util.spec_from_file_location("exported", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
job = module.definitions.resolve_job_def("zone_fares_job")
values = lambda metadata: {key: getattr(value, "value", value) for key, value in metadata.items()}
(asset,) = module.definitions.resolve_all_asset_specs()
for line in sys.stdin:
    config = json.loads(line)
    found = {"asset": {key: value for key, value in values(asset.metadata).items() if "/" not in key}}
    try:
        result = job.execute_in_process(run_config={"ops": {"zone_fares": {"config": config}}} if config else None, raise_on_error=False)
        found["success"] = result.success
        for event in result.all_events:
            if event.event_type_value == "STEP_FAILURE":
                failure = event.step_failure_data.user_failure_data
                found |= {"description": failure.description, "metadata": values(failure.metadata)}
            if event.event_type_value == "ASSET_MATERIALIZATION":
                found["metadata"] = values(event.materialization.metadata)
    except dagster.DagsterInvalidConfigError as error:
        found["invalid"] = str(error)
    print("\\n" + json.dumps(found), flush=True)
"""


class Dagster:
    """A process of Dagster's with an exported module."""

    def __init__(self, path):
        environment = {**os.environ, "KERNWERK_PROGRAM": str(PROGRAM), "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen([sys.executable, "-c", DAGSTER, path], cwd="/", env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(timeout=30)

    def __call__(self, config=None):
        """Runs the job; what Dagster saw of it."""
        self.process.stdin.write(json.dumps(config) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise AssertionError(f"Dagster ended with {self.process.wait()}")


def test_dagster_runs_the_job_and_sees_it_succeed_and_fail(project):
    pytest.importorskip("dagster")
    (project.directory / "jobs").mkdir()
    export(project, "dagster", "--output", "jobs/fares.py").ok()
    with Dagster(project.directory / "jobs" / "fares.py") as run:
        seen = run()
        assert seen["success"] and seen["metadata"]["verdict"] == "done", seen
        assert [step["status"] for step in seen["metadata"]["report"]["steps"]] == ["ran", "ran"], seen
        asset = seen["asset"]
        assert asset["artifact"] == "zone-fares@1" and [one["name"] for one in asset["inputs"]] == ["the rides.csv"], asset
        # An input that the cells cannot read: the run says so, and Dagster sees it fail.
        project.write("the rides.csv", "ride,zone\n1,2\n")
        seen = run()
        assert not seen["success"] and "failed" in seen["description"], seen
        assert "pickup" in json.dumps(seen["metadata"]), seen
        # Another artifact under the same number is not run at all.
        replace_in_artifact(project, "cells/02.rs", "avg(fare)", "min(fare)")
        seen = run()
        assert not seen["success"] and "is not what was exported" in seen["description"], seen


def test_dagster_checks_the_types_of_parameters(project):
    pytest.importorskip("dagster")
    declared = '[[parameters]]\nname = "limit"\ntype = "float"\ndefault = 9.0\nstep = 1\n\n[[parameters]]\nname = "lambda"\ntype = "text"\ndefault = "a \\"b\\""\nstep = 1\n\n[target]'
    replace_in_artifact(project, "pipeline.toml", "[target]", declared)
    export(project, "dagster", "--output", "fares.py").ok()
    with Dagster(project.directory / "fares.py") as run:
        assert "limit" in run({"limit": "many"})["invalid"]



@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of an MLflow server with a database of its own."""
    pytest.importorskip("mlflow")
    place = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["mlflow", "server", "--backend-store-uri", "sqlite:///runs.db", "--artifacts-destination", "./files", "--port", str(port), "--workers", "1"]
    # Without the jobs that a server runs beside: they are processes of their own.
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with open(place / "log", "w") as log:
        process = subprocess.Popen(command, cwd=place, env=environment, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is None and is_up(address), (place / "log").read_text, 180)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def until(condition, words, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, words()
        time.sleep(0.2)


def is_up(address):
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5):
            return True
    except OSError:
        return False


def to_mlflow(project, address, artifact="zone-fares", **options):
    return export(project, "mlflow", "--server", address, artifact=artifact, **options)


def test_an_mlflow_server_receives_the_artifact_once(project, server, tmp_path, monkeypatch):
    import mlflow

    client = mlflow.MlflowClient(server)
    project("promote", "stage", "zone-fares@1", "production", "--by", "ada").ok()
    project("promote", "alias", "zone-fares@1", "best", "--by", "ada").ok()
    to_mlflow(project, server).ok()
    identity = project("promote", "show", "zone-fares@1").ok()
    (version,) = client.search_model_versions("name='zone-fares'")
    assert version.tags["kernwerk.artifact"] == "zone-fares@1" and version.tags["kernwerk.identity"] in identity
    assert sorted(client.get_model_version("zone-fares", version.version).aliases) == ["best", "production"]
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED" and run.info.run_name == "zone-fares@1"
    assert run.data.params["kernwerk.level"] == "bytes" and run.data.metrics["steps"] == 2
    seconds = client.get_metric_history(version.run_id, "proof.step_seconds")
    assert [point.step for point in seconds] == [1, 2]
    (given,) = run.inputs.dataset_inputs
    source = json.loads(given.dataset.source)
    assert given.dataset.name == "the rides.csv" and source["digest"] == "blake3:" + blake3(RIDES.encode()).hexdigest()
    # What lies there is the artifact, file by file, where a lab would have it.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    found = Path(mlflow.artifacts.download_artifacts(artifact_uri=version.source, dst_path=str(tmp_path / "found")))
    assert mlflow.models.Model.load(str(found)).flavors["kernwerk"]["artifact"] == "zone-fares@1"
    other = Project(found)
    other("lab", "init").ok()
    assert "is sound" in other("promote", "verify", "zone-fares@1").ok()
    # Again, and after the version has lost its stage: the same version, with the aliases that it still has.
    client.set_registered_model_alias("zone-fares", "theirs", version.version)
    project("promote", "alias", "zone-fares@1", "best", "--remove", "--by", "ada").ok()
    assert "already" in to_mlflow(project, server).ok()
    assert len(client.search_model_versions("name='zone-fares'")) == len(client.search_runs([run.info.experiment_id])) == 1
    assert sorted(client.get_model_version("zone-fares", version.version).aliases) == ["production", "theirs"]


class Halfway(http.server.BaseHTTPRequestHandler):
    """Hands requests on to a real server, but for those that `refuses` names."""

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization")))
        if self.server.refuses in self.path:
            return self.answer(500, b"the disk is full")
        request = urllib.request.Request(self.server.behind + self.path, body or None, dict(self.headers), method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self.answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            self.answer(error.code, error.read())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


@contextlib.contextmanager
def halfway(server, refuses):
    door = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Halfway)
    door.behind, door.refuses, door.seen = server, refuses, []
    threading.Thread(target=door.serve_forever, daemon=True).start()
    try:
        yield door, f"http://127.0.0.1:{door.server_address[1]}"
    finally:
        door.shutdown()
        door.server_close()


@pytest.mark.parametrize("refuses", ["/mlflow-artifacts/", "/model-versions/create", "/runs/log-batch"])
def test_what_fails_halfway_leaves_no_run_open_and_no_version(project, server, refuses):
    import mlflow

    client = mlflow.MlflowClient(server)
    replace_in_artifact(project, "cells/02.rs", "avg(fare)", f"avg(fare) /* {refuses[1:-1].replace('/', ' ')} */")
    before = {run.info.run_id for run in client.search_runs([one.experiment_id for one in client.search_experiments()])}
    with halfway(server, refuses) as (door, address):
        environment = {**os.environ, "MLFLOW_TRACKING_TOKEN": "a-secret-word"}
        told = to_mlflow(project, address, env=environment).failed("the disk is full", "marked FAILED", "exporting again")
    assert "a-secret-word" not in told and {sent for _, _, sent in door.seen} == {"Bearer a-secret-word"}
    (run,) = [run for run in client.search_runs([one.experiment_id for one in client.search_experiments()]) if run.info.run_id not in before]
    assert run.info.status == "FAILED" and run.info.run_id in told
    versions = [version for version in client.search_model_versions() if version.run_id == run.info.run_id]
    assert versions == []


def test_servers_that_are_none_are_named(project):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        to_mlflow(project, f"http://127.0.0.1:{free.getsockname()[1]}").failed("127.0.0.1", "refused", "mlflow server")
    to_mlflow(project, "http://ada:word@127.0.0.1:1").failed("would be recorded", "MLFLOW_TRACKING_PASSWORD")
    to_mlflow(project, "ftp://127.0.0.1").failed("--server")
    export(project, "mlflow").failed("--server")
    export(project, "mlflow", "--output", "here").failed("--server")
    with halfway("", "/") as (_, address):
        to_mlflow(project, address).failed("the disk is full")


# A slice of Rust: items that cells share, variables whose types later cells must not settle anew, a table that a magic bound, a file.
RUST = [
    "%feature source rides '../the rides.csv' --event-time pickup",
    "%feature sql SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone -> fares",
    """use std::collections::BTreeMap;
/// A zone and its fare.
#[derive(Clone, Debug)]
struct Zone { number: i64, fare: f64 }

trait Priced { fn price(&self) -> f64; }
impl Priced for Zone { fn price(&self) -> f64 { self.fare * factor() } }

fn factor() -> f64 { 1.5 }
macro_rules! twice { ($x:expr) => { $x * 2 } }
let mut zones = Vec::new();
for (number, fare) in fares.numbers("zone")?.into_iter().zip(fares.numbers("fare")?) {
    zones.push(Zone { number: number.unwrap() as i64, fare: fare.unwrap() });
}
let (base, half) = (2, 0.5);
println!("{} zones", zones.len());
zones.clone()""",
    """use std::{collections::BTreeMap, fs};
let power = base.pow(3);
let words = fs::read_to_string("words.txt")?;
let raise: Box<dyn Fn(f64) -> f64> = Box::new(move |fare| fare + f64::from(power));
(power, half.sqrt(), words.trim().to_owned())""",
    """let total: f64 = zones.iter().map(|zone| raise(zone.price())).sum();
let by_zone: BTreeMap<i64, f64> = zones.iter().map(|zone| (zone.number, zone.price())).collect();
print!("total ");
println!("{total:.3} {}", twice!(power));
kernwerk::show!("a \\"quoted\\" text");
by_zone""",
]
ASKS = 'let found = magic!("feature sql SELECT 1 AS one")?;\nfound.frame().is_ok()'


@pytest.fixture(scope="module")
def rust(tmp_path_factory):
    """A lab with an artifact of Rust, and its crate."""
    project = Project(tmp_path_factory.mktemp("crates") / "the lab")
    project.directory.mkdir()
    project.write("the rides.csv", RIDES)
    project.write("work/words.txt", "some words\n")
    project.write("kernwerk.toml", "")
    with Kernel(project.directory / "work", {"JPY_SESSION_NAME": str(project.directory / NOTEBOOK)}) as kernel:
        for cell in [*RUST, ASKS]:
            kernel.run(cell).ok()
    project("promote", "publish", "zones", "--target", str(len(RUST)), "--notebook", NOTEBOOK).ok()
    to_crate(project).ok()
    return project


def to_crate(project, *words, artifact="zones"):
    return export(project, "crate", "--output", "zones crate", *words, artifact=artifact, seconds=300)


def cargo(directory, *words, **environment):
    command = ["cargo", words[0], "--offline", "--quiet", *words[1:]]
    environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"} | environment
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=300)


def shown(project, name):
    """What the code of an artifact's cells shows, as its references say, in order."""
    root = artifact_of(project, name)
    is_code = lambda path: not (root / "cells" / f"{path.name[:2]}.rs").read_text().startswith("%")
    texts = [path.read_text() for path in sorted(root.glob("outputs/*.txt")) if is_code(path)]
    return "".join(text if text.endswith("\n") else text + "\n" for text in texts)


@LONG
def test_a_crate_builds_by_plain_cargo_and_shows_what_was_published(rust, tmp_path):
    """Elsewhere, and without the network; what it reads must be what was published."""
    shutil.copytree(rust.directory / "zones crate", tmp_path / "elsewhere")
    ran = cargo(tmp_path / "elsewhere", "run", "--locked")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout == shown(rust, "zones")
    words = tmp_path / "elsewhere" / "lab" / "work" / "words.txt"
    words.write_text("other words\n")
    ran = cargo(tmp_path / "elsewhere", "run", "--locked")
    assert ran.returncode == 2 and "words.txt is not what" in ran.stderr and ran.stdout == "", ran.stderr


@LONG
def test_a_crate_takes_the_place_of_an_export_alone(rust):
    place = rust.directory / "zones crate"
    (place / "target").mkdir(exist_ok=True)
    (place / "notes.txt").write_text("mine")
    to_crate(rust).failed("notes.txt", "--overwrite")
    (place / "notes.txt").unlink()
    export(rust, "crate", "--output", "work", artifact="zones").failed("holds an input of zones@1")
    (rust.directory / "mine").mkdir()
    (rust.directory / "mine" / "text.txt").write_text("mine")
    export(rust, "crate", "--output", "mine", artifact="zones").failed("no export")
    export(rust, "crate", "--output", "the rides.csv", artifact="zones").failed("an input of zones@1")
    export(rust, "script", artifact="zones").failed("cell 3 has code of Rust", "--to notebook")


@LONG
def test_a_crate_again_is_the_same_and_what_it_cannot_be_is_refused(rust):
    assert "already" in to_crate(rust).ok()
    rust("promote", "publish", "asks", "--target", str(len(RUST) + 1), "--notebook", NOTEBOOK).ok()
    to_crate(rust, artifact="asks").failed("`magic!`", "--to dagster")
    (rust.directory / "work" / "words.txt").write_text("other words")
    to_crate(rust).failed("words.txt", "is not what it was published with")
    (rust.directory / "work" / "words.txt").write_text("some words\n")


@LONG
def test_a_crate_takes_parameters_as_arguments(tmp_path):
    """Those that its code reads; a table of magics is what it was made with."""
    project = Project(tmp_path / "lab")
    project.directory.mkdir()
    project.write("rides.csv", RIDES)
    cells = [
        "%lab init",
        "%feature source rides rides.csv --event-time pickup",
        "%promote param least=8 share=0.5 zone:text='a \"b\"' day=2026-01-01",
        "%feature sql SELECT fare FROM rides WHERE fare >= $least ORDER BY ride -> dear",
        'let total: f64 = dear.numbers("fare")?.into_iter().flatten().sum::<f64>() * share;\nprintln!("{total:.3} {zone} {day}");',
    ]
    with Kernel(project.directory, {"JPY_SESSION_NAME": str(project.directory / "n.ipynb")}) as kernel:
        for cell in cells:
            kernel.run(cell, seconds=300).ok()
    project("promote", "publish", "total", "--target", "5", "--notebook", "n.ipynb", seconds=300).ok()
    assert "NAME=VALUE" in export(project, "crate", artifact="total", seconds=300).ok()
    crate = project.directory / "total-1"
    ran = cargo(crate, "run", "--locked")
    assert ran.returncode == 0 and ran.stdout == '11.125 a "b" 2026-01-01\n', ran.stdout + ran.stderr
    ran = cargo(crate, "run", "--locked", "--", "share=2", "zone=x=y", "day=2024-02-29")
    assert ran.returncode == 0 and ran.stdout == "44.500 x=y 2024-02-29\n", ran.stdout + ran.stderr
    ran = cargo(crate, "run", "--locked", "--", "--help")
    assert ran.returncode == 0 and "share=0.5  (float)" in ran.stdout and "least=8  (integer, part of its tables)" in ran.stdout, ran
    for word, wrong in [("share=half", "is of type float"), ("day=2026-02-29", "is of type date"), ("lest=1", "--help lists"), ("least=9", "cannot have another value")]:
        ran = cargo(crate, "run", "--locked", "--", word)
        assert ran.returncode == 2 and wrong in ran.stderr and ran.stdout == "", ran


@LONG
def test_a_crate_with_dependencies_beside_builds_without_a_registry(tmp_path):
    project = Project(tmp_path / "lab")
    project.directory.mkdir()
    with Kernel(project.directory, {"JPY_SESSION_NAME": str(project.directory / "n.ipynb")}) as kernel:
        for cell in ["%lab init", ":dep itoa = \"1\"\nlet digits = itoa::Buffer::new().format(1234).to_owned();", "digits"]:
            kernel.run(cell, seconds=300).ok()
    project("promote", "publish", "digits", "--target", "3", "--notebook", "n.ipynb", seconds=300).ok()
    export(project, "crate", "--vendor", artifact="digits", seconds=300).ok()
    crate = project.directory / "digits-1"
    assert (crate / "vendor" / "itoa").is_dir()
    # A cargo home of its own holds no registry to fall back to.
    home = tmp_path / "cargo home"
    home.mkdir()
    rustup = os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))
    ran = cargo(crate, "run", "--locked", CARGO_HOME=str(home), RUSTUP_HOME=rustup)
    assert ran.returncode == 0 and ran.stdout == shown(project, "digits") == "\"1234\"\n", ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    """Runs commands of an Airflow that is installed in a place of its own; it needs other packages than the tests have."""
    place = tmp_path_factory.mktemp("airflow")
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True, timeout=120)
    packages = CHECKOUT / "tests" / "setup" / "airflow.txt"
    install = [place / "venv" / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", packages]
    subprocess.run(install, check=True, timeout=900)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "AIRFLOW_HOME": str(place / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "KERNWERK_PROGRAM": str(PROGRAM),
    }

    def run(dags, *words):
        command = [place / "venv" / "bin" / "airflow", *words]
        ran = subprocess.run(command, env=environment | {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)}, capture_output=True, text=True, timeout=300)
        return ran.stdout + ran.stderr

    run(place, "db", "migrate")
    return run


@LONG
def test_airflow_reads_and_runs_the_dag(project, airflow):
    declared = '[[parameters]]\nname = "limit"\ntype = "float"\ndefault = 9.0\nstep = 1\n\n[target]'
    dags = project.directory / "dags"
    dags.mkdir()
    export(project, "airflow", "--output", "dags/fares.py").ok()
    assert "fares.py" not in airflow(dags, "dags", "list-import-errors")
    ran = airflow(dags, "dags", "test", "zone_fares")
    assert "state=success" in ran and "zone-fares@1 ran" in ran, ran
    project.write("the rides.csv", "ride,zone\n1,2\n")
    ran = airflow(dags, "dags", "test", "zone_fares")
    assert "state=failed" in ran and "pickup" in ran, ran
    replace_in_artifact(project, "pipeline.toml", "[target]", declared)
    assert "is not what was exported" in airflow(dags, "dags", "test", "zone_fares")
    export(project, "airflow", "--output", "dags/fares.py").ok()
    ran = airflow(dags, "dags", "test", "zone_fares", "--conf", json.dumps({"limit": "many"}))
    assert "state=success" not in ran and "is not of type 'number'" in ran, ran
