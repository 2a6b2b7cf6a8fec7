"""Cells that ask a service over HTTP: what it answered is recorded at publication, and played in replays and runs, when the service is gone."""

import base64
import datetime
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from blake3 import blake3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from artifact import Project, assert_differs, assert_not_run
from house import PROGRAM, Kernel
from surroundings import elsewhere, replay

KEY = "k3y/with+signs==and more"
SECRET = "KW_SERVICE_KEY"
NAME = "answers"
CONFINED = subprocess.run([PROGRAM, "confined"], capture_output=True).returncode == 0
needs_namespaces = pytest.mark.skipif(not CONFINED, reason="this system does not let its user leave the network")


class Service(ThreadingHTTPServer):
    """Answers every request with another number, and with the key that it was shown."""

    daemon_threads = True

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked = 0
        self.counting = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.url = f"https://localhost:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def off(self):
        self.shutdown()
        self.server_close()


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.counting:
            self.server.asked += 1
            number = self.server.asked
        answer = json.dumps({"number": number, "key": self.headers.get("Authorization", "").removeprefix("Bearer "), "said": body.decode(), "language": self.headers.get("Accept-Language")}, indent=1).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "session=cookie-of-the-service")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *_):
        pass


ASK = f"""import json, os, urllib.parse, urllib.request
def ask(**question):
    key = os.environ["{SECRET}"]
    url = "URL/draw?" + urllib.parse.urlencode({{"key": key}})
    body = json.dumps(question | {{"key": key}}).encode()
    request = urllib.request.Request(url, body, {{"Authorization": "Bearer " + key, "Content-Type": "application/json"}})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["number"]"""
CELLS = {
    "ask": ASK,
    "first": 'first = ask(who="ada")\nprint(first)',
    "second": 'second = ask(who="ada")',
    "steady": "steady = 21 * 2\nprint(steady)",
    NAME: f"{NAME} = [first, second, steady]",
    "past": """import socket
with socket.create_connection(("127.0.0.1", PORT)) as line:
    line.sendall(b"GET /draw HTTP/1.0\\r\\n\\r\\n")
    past = line.makefile().read().rpartition("number")[2][:8]""",
    "raw": """proxy = os.environ.get("HTTP_PROXY", "http://127.0.0.1:PORT").removeprefix("http://").rpartition("@")[2].split(":")
with socket.create_connection((proxy[0], int(proxy[1]))) as wire:
    wire.sendall(b"GET http://127.0.0.1:PORT/draw HTTP/1.0\\r\\n\\r\\n")
    raw = wire.makefile().read().rpartition("number")[2][:8]""",
    "chance": "import random\nchance = random.random()\nprint(chance)",
    "mixed": "mixed = [first, chance]",
    "who": "%promote param who=ada",
    "asked": "asked = ask(who=who)",
    "greet": """def greet(language, lap="1"):
    request = urllib.request.Request("URL/greet", headers={"Accept-Language": language, "X-Lap": lap})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["language"]""",
    "lang": "%promote param lang=en",
    "greeting": "greeting = greet(lang)",
    "gentle": "try:\n    gentle = greet(lang)\nexcept OSError:\n    gentle = 'no answer'",
    "login": f"""import base64
def login(encode):
    key = os.environ["{SECRET}"]
    held = encode(f"ada, who has a name of more than fifty-seven letters:{{key}}".encode()).decode()
    request = urllib.request.Request("URL/login", json.dumps({{"login": held}}).encode(), {{"Authorization": "Basic " + held.replace("\\n", "")}})
    with urllib.request.urlopen(request) as answer:
        return len(json.load(answer)["said"]) > 0
logged_in = login(base64.b64encode)""",
    "in_lines": "in_lines = login(base64.encodebytes)",
    "pinged": """import random
try:
    urllib.request.urlopen(f"URL/ping?{random.random()}").close()
except OSError:
    pass
pinged = 'asked in vain'""",
    "token": """token = "ghp_" + "aB3dE6gH9jK2" * 3
said = base64.b64encode(f"a note: {token}".encode()).decode()
noted = ask(who=said)""",
    "lap": 'import random\nlap = greet("en", lap=str(random.random()))',
}


class Place(Project):
    artifact_path = Path("pipelines") / NAME / "1"

    def tape(self) -> dict:
        return json.loads(self.artifact("cassette.json").read_text())

    def spoil(self, change):
        """Changes the tape, and hides that."""
        tape = self.tape()
        change(tape["exchanges"])
        self.artifact("cassette.json").write_text(json.dumps(tape))
        self.forge(f"{NAME}@1")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The project, what each publication said, and how often the service was asked; it is off by now."""
    service = Service()
    project = Place(tmp_path_factory.mktemp("cassette") / "project")
    project.directory.mkdir()
    said = {}
    with Kernel(project.directory, {SECRET: KEY}, name="python3") as kernel:
        kernel.run("%load_ext kernwerk").ok()
        kernel.run("%lab init").ok()
        for name, text in CELLS.items():
            kernel.run(text.replace("URL", service.url).replace("PORT", str(service.server_port))).ok()
        said["in the notebook"] = service.asked
        said["both"] = kernel.run(f"%promote publish {NAME} --target {NAME} --record --live")
        said["without"] = kernel.run(f"%promote publish {NAME} --target {NAME}")
        before = service.asked
        said[NAME] = kernel.run(f"%promote publish {NAME} --target {NAME} --record")
        said["recording"] = service.asked - before
        for name in ["asked", "past", "raw", "mixed", "steady", "greeting", "gentle", "lap", "logged_in", "in_lines", "noted", "pinged"]:
            said[name] = kernel.run(f"%promote publish {name} --target {name} --record")
        said["ignored"] = kernel.run("%promote publish lap --target lap --record --ignore-header X-Lap")
        said["no header"] = kernel.run("%promote publish lap --target lap --record --ignore-header 'X-Lap: 1'")
    service.off()
    return project, said


@pytest.fixture
def checkout(published, tmp_path):
    """The project in a fresh checkout, without its lab."""
    copy = Place(tmp_path / "some" / "checkout")
    shutil.copytree(published[0].directory, copy.directory, ignore=shutil.ignore_patterns(".kernwerk"))
    return copy


def test_what_a_service_answers_is_recorded_and_the_proof_asks_it_no_more(published):
    project, said = published
    words = said[NAME].ok()
    assert said["recording"] == 2
    assert "2 exchanges with the network in cassette.json" in words
    assert "In[4] is recorded anew" in words and "replays do without it" in words, words
    exchanges = project.tape()["exchanges"]
    assert [exchange["step"] for exchange in exchanges] == [2, 3]
    numbers = [said["in the notebook"] + 1 + place for place in range(2)]
    assert [json.loads("".join(exchange["answer"]))["number"] for exchange in exchanges] == numbers
    assert {exchange["content_type"] for exchange in exchanges} == {"application/json"}
    pipeline = tomllib.loads(project.artifact("pipeline.toml").read_text())
    assert pipeline["cassette"] == {"file": "cassette.json", "exchanges": 2, "steps": [2, 3]}
    listed = [file["path"] for file in json.loads(project.artifact("MANIFEST.json").read_text())["files"]]
    assert "cassette.json" in listed
    proof = json.loads(project.artifact("attestations/proof.json").read_text())
    anew = [cell["step"] for cell in proof["cells"] if "recorded_anew" in cell]
    assert anew == [2, 5] and proof["recorded_at"].endswith("Z"), proof
    assert "2 with the network, of the cells 2, 3, recorded" in project("promote", "show", NAME).ok()


def test_no_secret_and_no_cookie_is_in_the_artifact(published):
    project, said = published
    said[NAME].ok()
    for path in (project.directory / "pipelines").rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            for secret in [b"k3y", b"cookie-of-the-service"]:
                assert secret not in held and secret not in within_base64(held), f"{secret} in {path}"
    assert "Bearer" not in project.artifact("cassette.json").read_text()
    assert project.artifact("cassette.json").read_text().count(f"__secret_{SECRET}__") == 10


def within_base64(held: bytes) -> bytes:
    """What runs of its letters hold, wherever a group may begin."""
    runs = re.findall(rb"[A-Za-z0-9+/_-]{8,}", held)
    shifted = (run.translate(bytes.maketrans(b"-_", b"+/"))[start:] for run in runs for start in range(4))
    return b"\n".join(base64.b64decode(run[: len(run) // 4 * 4]) for run in shifted)


def test_a_secret_within_base64_is_masked_or_refused(published, checkout):
    _, said = published
    said["logged_in"].ok()
    assert replay(checkout.directory, "logged_in").code == 0
    said["in_lines"].failed("holds a secret of the environment in base64 that is broken into lines", "In[")
    said["noted"].failed("GitHub token", "cassette.json, within base64")


def test_card_and_bill_tell_of_the_cassette(checkout):
    exchanges = checkout.tape()["exchanges"]
    host = exchanges[0]["url"].split("/")[2]
    digest = blake3(checkout.artifact("cassette.json").read_bytes()).hexdigest()
    card = checkout("promote", "card", f"{NAME}@1").ok()
    for row in ["## Recorded Answers", "| Exchanges | 2 |", f"| Services | {host} (2) |", f"| BLAKE3 | `{digest}` |", "| Recorded | 20"]:
        assert row in card, card
    ignoring = checkout("promote", "card", "lap@1").ok()
    assert "| Headers that are not looked at | `x-lap` |" in ignoring and "not looked at" not in card
    bill = checkout("promote", "sbom", f"{NAME}@1").ok()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    (found,) = [component for component in json.loads(bill)["components"] if component["bom-ref"] == "cassette:cassette.json"]
    assert found["hashes"] == [{"alg": "BLAKE3", "content": digest}]
    assert found["data"][0]["contents"]["properties"] == [{"name": "kernwerk:exchanges", "value": "2"}, {"name": host, "value": "2"}]


def test_what_is_no_cassette_is_told_by_card_and_bill(checkout):
    checkout.artifact("cassette.json").write_text("no tape")
    for verb in ["card", "sbom"]:
        checkout("promote", verb, f"{NAME}@1").failed("cassette.json")


def test_a_stranger_replays_it_without_the_service_and_without_the_secret(checkout, tmp_path):
    reports = [f"report.{ending}" for ending in ("html", "ipynb", "json")]
    words = [word for report in reports for word in ("--report", report)]
    report = replay(checkout.directory, NAME, *words, environment=elsewhere(tmp_path))
    assert report.code == 0, report.stdout + report.stderr
    assert "the network's answers come from the cassette, recorded 20" in report.stdout
    for name in reports:
        assert "the network&#39;s answers come from the cassette" in html(checkout.directory / name), name


def html(path: Path) -> str:
    return path.read_text().replace("'", "&#39;")


def test_an_answer_that_somebody_changed_is_seen_as_a_difference(checkout):
    def change(exchanges):
        exchanges[1]["answer"] = ["".join(exchanges[1]["answer"]).replace('"number": ', '"number": 7')]

    assert checkout("promote", "verify", f"{NAME}@1").code == 0
    checkout.spoil(change)
    assert_differs(replay(checkout.directory, NAME), "cell 5 is the first to diverge")


def test_a_request_that_is_not_on_the_cassette_is_named(checkout):
    checkout.spoil(lambda exchanges: exchanges.pop())
    report = replay(checkout.directory, NAME)
    assert_differs(report, "cell 3 is the first to diverge", "504", "likely cause: cell 3 asked, and got no answer: POST http://127.0.0.1")
    assert "is on the cassette once, and was asked more often" in report.stdout


def test_what_is_no_cassette_is_told(checkout):
    checkout.artifact("cassette.json").write_text('{"format": 1}')
    assert_differs(replay(checkout.directory, NAME), "cassette.json (what the network answered)")
    checkout.forge(f"{NAME}@1")
    assert_not_run(replay(checkout.directory, NAME), "could not run: its cassette: it is no cassette that can be read")


def test_a_run_with_other_parameters_says_that_nobody_was_asked(published, checkout, tmp_path):
    published[1]["asked"].ok()
    environment = elsewhere(tmp_path)
    same = checkout("promote", "run", "asked", env=environment, seconds=300)
    assert "the network's answers come from the cassette, recorded" in same.ok()
    other = checkout("promote", "run", "asked", "--param", "who=grace", env=environment, seconds=300)
    assert other.code == 1, other.stdout + other.stderr
    for words in ["is on the cassette with another body alone", "`--live` asks the network"]:
        assert words in other.stdout, other.stdout


def test_what_is_not_on_the_cassette_is_not_published(published):
    _, said = published
    said["both"].failed("--live", "--record")
    said["without"].failed("the proof run failed in In[4]", "In[3], which it needs, speaks of the network", "`--record` publishes with what it answers")
    said["past"].failed("HTTP_PROXY", "none of its requests came over the proxy")
    said["raw"].failed("came without the name and the password that stand in `HTTP_PROXY`")
    said["mixed"].failed("In[10]", "differs from the notebook")
    said["steady"].failed("nothing to record")
    said["lap"].failed("is on the cassette with another header alone: `x-lap` was `0.", "`--ignore-header x-lap` leaves it out")
    said["no header"].failed("--ignore-header", "it is no name of a header")
    assert sorted(path.name for path in (published[0].directory / "pipelines").iterdir()) == [NAME, "asked", "gentle", "greeting", "lap", "logged_in", "pinged"]


ANOTHER_HEADER = "is on the cassette with another header alone: `accept-language` was `en` when it was recorded, and is `fr` now; to record it, run the notebook"


@pytest.mark.parametrize("name", ["greeting", "gentle"])
def test_a_run_whose_header_says_something_else_has_no_result(published, checkout, tmp_path, name):
    """`gentle` goes on without an answer; what it gives then is no result, also not when it is run again."""
    published[1][name].ok()
    environment = elsewhere(tmp_path)
    same = checkout("promote", "run", name, "--output", "same.txt", env=environment, seconds=300)
    assert "the network's answers come from the cassette" in same.ok() and (checkout.directory / "same.txt").read_text().strip() == "en"
    for _ in range(2):
        other = checkout("promote", "run", name, "--param", "lang=fr", "--output", "other.txt", env=environment, seconds=300)
        assert other.code == 1, other.stdout + other.stderr
        assert ANOTHER_HEADER in other.stdout and not (checkout.directory / "other.txt").exists(), other.stdout


def test_what_was_asked_in_vain_in_the_proof_spoils_no_run(published, checkout, tmp_path):
    """Such as a library that asks whether there is a new version of it."""
    assert "asked, and got no answer" in published[1]["pinged"].ok()
    again = checkout("promote", "run", "pinged", env=elsewhere(tmp_path), seconds=300)
    assert "asked, and got no answer" in again.ok() and "its result: asked in vain" in again.stdout


def test_a_header_that_changes_from_run_to_run_can_be_left_out(published, checkout):
    assert "the headers of requests x-lap are not looked at" in published[1]["ignored"].ok()
    tape = json.loads((checkout.directory / "pipelines/lap/1/cassette.json").read_text())
    assert tape["ignored_headers"] == ["x-lap"] and tape["exchanges"][0]["request_headers"] == {"accept-language": "en"}
    assert replay(checkout.directory, "lap").code == 0


def test_the_gates_look_into_the_cassette(published, checkout):
    checkout.spoil(lambda exchanges: exchanges[0].update(answer="my card is 4111 1111 1111 1111 and AKIAIOSFODNN7EXAMPLF is my key"))
    gates = checkout("promote", "gates", f"{NAME}@1")
    assert "cassette.json" in gates.stdout, gates.stdout


def certificate(directory: Path) -> tuple:
    """The certificate of an authority, and a key with a certificate of it for this machine: two files."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    authority, service = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("an authority", "a service")]
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = []
    for name, key, extension in [(authority, keys[0], x509.BasicConstraints(True, None)), (service, keys[1], names)]:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(authority, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        signed.append(builder.add_extension(extension, True).sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    trusted, shown = directory / "authority.pem", directory / "service.pem"
    trusted.write_bytes(signed[0])
    shown.write_bytes(private + signed[1])
    return trusted, shown


CLIENTS = {
    "requests": 'import requests\nrequests_says = requests.get("URL/a", timeout=60).json()["number"]',
    "httpx": 'import httpx\nhttpx_says = httpx.get("URL/a", timeout=60).json()["number"]',
    "curl": 'import json, subprocess\ncurl_says = json.loads(subprocess.run(["curl", "-sS", "URL/a"], capture_output=True, check=True).stdout)["number"]',
}


def test_services_behind_tls_are_recorded_as_well(tmp_path):
    authority, shown = certificate(tmp_path)
    service = Service(shown)
    project = Place(tmp_path / "project")
    project.directory.mkdir()
    trust = {name: str(authority) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")}
    with Kernel(project.directory, trust, name="python3") as kernel:
        kernel.run("%load_ext kernwerk").ok()
        kernel.run("%lab init").ok()
        for text in CLIENTS.values():
            kernel.run(text.replace("URL", service.url)).ok()
        kernel.run(f"{NAME} = [requests_says, httpx_says, curl_says]").ok()
        published = kernel.run(f"%promote publish {NAME} --target {NAME} --record")
    service.off()
    assert "3 exchanges" in published.ok()
    assert {exchange["url"] for exchange in project.tape()["exchanges"]} == {service.url + "/a"}
    report = replay(project.directory, NAME, environment={**os.environ, "SSL_CERT_FILE": ""})
    assert report.code == 0, report.stdout + report.stderr


RUST = """let answered = std::process::Command::new("curl").args(["-sS", "http://127.0.0.1:PORT/draw"]).output()?;
let text = String::from_utf8(answered.stdout)?;
let number = text.split("\\"number\\": ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or(&text).to_owned();
println!("{number}");"""


def test_cells_of_rust_are_recorded_as_well(tmp_path):
    service = Service()
    project = Place(tmp_path / "project")
    project.directory.mkdir()
    with Kernel(project.directory) as kernel:
        kernel.run("%lab init").ok()
        kernel.run(RUST.replace("PORT", str(service.server_port))).ok()
        kernel.run('let twice = format!("{number}{number}");\ntwice.clone()').ok()
        published = kernel.run(f"%promote publish {NAME} --target twice --record")
    service.off()
    assert "one exchange with the network" in published.ok()
    report = replay(project.directory, NAME)
    assert report.code == 0, report.stdout + report.stderr


@needs_namespaces
def test_while_a_cassette_plays_there_is_no_network_but_it(published, checkout):
    said = published[1]
    assert "unenforced" not in said[NAME].ok()
    proof = json.loads(checkout.artifact("attestations/proof.json").read_text())
    assert "network" not in proof, proof
    assert "unenforced" not in replay(checkout.directory, NAME).stdout
