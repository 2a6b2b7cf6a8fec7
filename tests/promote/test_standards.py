"""What Kernwerk writes for other tools, read by these tools: CycloneDX, package URLs, DSSE, in-toto with SLSA provenance, model cards of Hugging Face."""

import base64
import hashlib
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from blake3 import blake3
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from huggingface_hub import ModelCard
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from packageurl import PackageURL
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from artifact import Project
from house import Kernel

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = CHECKOUT / "kernel/cli/tests/cli/examples"
# The versions that cells with frames are really compiled with.
LOCK = CHECKOUT / "kernel/prelude-polars/Cargo.lock"
NOTEBOOK = "trip.ipynb"
CELLS = [
    "%feature source rides rides.csv --event-time pickup",
    "%rag ingest handbook docs",
    "%eval golden import questions questions.jsonl",
    "%%eval suite define quality\ntarget: {corpus: handbook, mode: text}\ngolden: questions\nmetrics: [recall@100, mrr]\nthresholds: {recall@100: 0.5}",
    "%eval run quality",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with the artifact `trip@1`, which passed a gate, reads a table that the lab holds, and is signed by ada."""
    project = Project(tmp_path_factory.mktemp("standards"))
    shutil.copytree(EXAMPLES, project.directory, dirs_exist_ok=True)
    environment = {"JPY_SESSION_NAME": str(project.directory / NOTEBOOK)}
    with Kernel(project.directory, environment) as kernel:
        kernel.run("%lab init").ok()
        kernel.run("%feature source zones rides.csv --event-time pickup").ok()
    with Kernel(project.directory, environment) as kernel:
        for cell in CELLS:
            kernel.run(cell).ok()
        kernel.run("%feature sql SELECT count(*) AS rides, (SELECT max(fare) FROM zones) AS most FROM rides -> trip").ok()
        kernel.run("%promote publish trip --target trip --gate quality").ok()
    key = project("promote", "key", "ada", "--directory", "keys", "--format", "json").json()
    project.key = key["public key"]
    (project.directory / "kernwerk.toml").write_text(f'[promote.keys]\nada = "{project.key}"\n')
    project("promote", "sign", "trip@1", "--key", "ada", "--directory", "keys").ok()
    return project


@pytest.fixture
def varied(project, tmp_path):
    """A copy whose artifact has, beside its own, every other kind of thing that an artifact can be made of."""
    copy = Project(tmp_path / "varied")
    shutil.copytree(project.directory, copy.directory)
    (copy.directory / "kernwerk.toml").write_text("")
    copy.artifact("attestations/provenance.dsse.json").unlink()
    pipeline = copy.artifact("pipeline.toml")
    python = '\n[python]\nimplementation = "CPython"\nversion = "3.11.2"\nthreads = 2\n\n[python.packages]\nnumpy = "2.4.6"\n"Some_Package.x" = "1.0+local"\n'
    model = f'\n[[models]]\nname = "all-MiniLM-L6-v2"\ndigest = "{"5" * 64}"\n'
    rust = '\n[rust]\nlock = "Cargo.lock"\n'
    pipeline.write_text(pipeline.read_text() + python + rust + model)
    shutil.copy(LOCK, copy.artifact("Cargo.lock"))
    copy.forge()
    return copy


def bill(project) -> dict:
    """The bill of materials, which the standard's own validator has passed."""
    project("promote", "sbom", "trip@1", "--to", "trip.cdx.json").ok()
    text = (project.directory / "trip.cdx.json").read_text()
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert errors is None, errors
    return json.loads(text)


def by_reference(document: dict) -> dict:
    components = {component["bom-ref"]: component for component in document["components"]}
    assert len(components) == len(document["components"]), "each is named once"
    return components


def content(component: dict, algorithm: str) -> str:
    return {entry["alg"]: entry["content"] for entry in component["hashes"]}[algorithm]


def test_the_bill_of_materials_is_valid_and_is_of_these_files(project):
    document = bill(project)
    # Read by the library as well, with its own check that the graph of dependencies hangs together.
    assert Bom.from_json(document).validate()
    manifest = project.artifact("MANIFEST.json").read_bytes()
    artifact = document["metadata"]["component"]
    assert content(artifact, "SHA-256") == hashlib.sha256(manifest).hexdigest()
    assert content(artifact, "BLAKE3") == blake3(manifest).hexdigest()
    proof = json.loads(project.artifact("attestations/proof.json").read_text())
    assert document["metadata"]["timestamp"] == proof["published_at"]
    components = by_reference(document)
    pipeline = tomllib.loads(project.artifact("pipeline.toml").read_text())
    assert {entry["resource"] for entry in pipeline["inputs"]} == {"file", "table"}
    for entry in pipeline["inputs"]:
        component = components[f"{entry['resource']}:{entry['name']}"]
        assert component["type"] == "data" and content(component, "BLAKE3") == entry["digest"]
    rides = (project.directory / "rides.csv").read_bytes()
    assert content(components["file:rides.csv"], "BLAKE3") == blake3(rides).hexdigest()
    columns = components["table:zones"]["data"][0]["contents"]["properties"]
    assert {"name": "kernwerk:rows", "value": str(rides.count(b"\n") - 1)} in columns
    again = json.loads(project("promote", "sbom", "trip@1").ok())
    assert again == document, "the same artifact has the same bill"
    assert json.loads(project.artifact("attestations/sbom.cdx.json").read_text()) == document, "and publishing has written it"


def test_everything_that_an_artifact_can_be_made_of_is_in_the_bill(varied, project):
    document = bill(varied)
    assert Bom.from_json(document).validate()
    assert document["serialNumber"] != bill(project)["serialNumber"]
    components = by_reference(document)
    urls = {reference: PackageURL.from_string(component["purl"]) for reference, component in components.items() if "purl" in component}
    for reference, url in urls.items():
        assert url.to_string() == components[reference]["purl"], "it is written as the specification's own library writes it"
    packages = {(url.name, url.version) for url in urls.values() if url.type == "pypi"}
    assert packages == {("numpy", "2.4.6"), ("some-package.x", "1.0+local")}
    locked = [package for package in tomllib.loads(LOCK.read_text())["package"] if "checksum" in package]
    crates = {(url.name, url.version): components[reference] for reference, url in urls.items() if url.type == "cargo"}
    assert set(crates) == {(package["name"], package["version"]) for package in locked}
    for package in locked:
        assert content(crates[package["name"], package["version"]], "SHA-256") == package["checksum"]
    graph = {entry["ref"]: set(entry["dependsOn"]) for entry in document["dependencies"]}
    polars = next(reference for reference, url in urls.items() if url.name == "polars" and url.type == "cargo")
    assert {urls[needed].name for needed in graph[polars]} >= {"polars-core", "polars-lazy"}
    model = components["model:all-MiniLM-L6-v2"]
    assert model["type"] == "machine-learning-model" and "modelCard" in model and content(model, "SHA-256") == "5" * 64
    assert any("licenses" in component for component in crates.values()), "cargo has unpacked some of them here"


def envelope(project) -> dict:
    return json.loads(project.artifact("attestations/provenance.dsse.json").read_text())


def public_key(project, key_id: str) -> SSlibKey:
    return SSlibKey.from_crypto(load_der_public_key(base64.b64decode(project.key)), keyid=key_id)


def test_an_independent_library_verifies_the_signature(project):
    signed = envelope(project)
    (signature,) = signed["signatures"]
    # The key is named as anybody can compute it from what stands in kernwerk.toml.
    assert signature["keyid"] == hashlib.sha256(base64.b64decode(project.key)).hexdigest()
    key = public_key(project, signature["keyid"])
    verified = Envelope.from_dict(envelope(project)).verify([key], 1)
    assert list(verified) == [key.keyid]
    payload = base64.b64decode(signed["payload"])
    changed = envelope(project) | {"payload": base64.b64encode(payload.replace(b"trip@1", b"trip@2")).decode()}
    with pytest.raises(VerificationError):
        Envelope.from_dict(changed).verify([key], 1)
    with pytest.raises(VerificationError):
        Envelope.from_dict(envelope(project) | {"payloadType": "application/json"}).verify([key], 1)
    other = project("promote", "key", "eve", "--directory", "others", "--format", "json").json()
    eve = SSlibKey.from_crypto(load_der_public_key(base64.b64decode(other["public key"])), keyid=key.keyid)
    with pytest.raises(VerificationError):
        Envelope.from_dict(envelope(project)).verify([eve], 1)


def test_the_statement_is_in_toto_and_slsa_and_of_these_files(project):
    signed = envelope(project)
    assert signed["payloadType"] == "application/vnd.in-toto+json"
    payload = base64.b64decode(signed["payload"])
    # Parsing refuses fields that the specifications do not know.
    statement = json_format.Parse(payload, statement_pb2.Statement())
    Statement.copy_from_pb(statement).validate()
    assert statement.predicate_type == "https://slsa.dev/provenance/v1"
    manifest = project.artifact("MANIFEST.json").read_bytes()
    (subject,) = statement.subject
    assert subject.digest["sha256"] == hashlib.sha256(manifest).hexdigest()
    assert subject.digest["blake3"] == blake3(manifest).hexdigest()
    predicate = json_format.MessageToDict(statement.predicate)
    provenance = json_format.ParseDict(predicate, provenance_pb2.Provenance())
    dependencies, byproducts = provenance.build_definition.resolved_dependencies, provenance.run_details.byproducts
    for descriptor in [*dependencies, *byproducts]:
        ResourceDescriptor.copy_from_pb(descriptor).validate()
    assert re.match(r"^[a-z][a-z0-9+.-]*:", provenance.build_definition.build_type), "a URI, as SLSA asks"
    assert re.match(r"^[a-z][a-z0-9+.-]*:", provenance.run_details.builder.id)
    assert provenance.run_details.metadata.finished_on.seconds > 0
    rides = (project.directory / "rides.csv").read_bytes()
    assert {entry.name: entry.digest["blake3"] for entry in dependencies}["rides.csv"] == blake3(rides).hexdigest()
    attested = {path.name for path in project.artifact("attestations").iterdir()} - {"MANIFEST.json", "provenance.dsse.json"}
    assert {entry.name for entry in byproducts} == {f"attestations/{name}" for name in attested} and "gates.json" in attested
    for entry in byproducts:
        assert entry.digest["sha256"] == hashlib.sha256(project.artifact(entry.name).read_bytes()).hexdigest()
    # And every file of the artifact, through the manifest.
    for entry in json.loads(manifest)["files"]:
        assert blake3(project.artifact(entry["path"]).read_bytes()).hexdigest() == entry["blake3"]


SECTIONS = [
    "Model Details", "Intended Use", "Factors", "Metrics", "Evaluation Data", "Training Data", "Quantitative Analyses",
    "Ethical Considerations", "Caveats and Recommendations", "Datasheet",
]  # fmt: skip


def test_the_card_is_one_that_hugging_face_reads(project):
    project("promote", "card", "trip@1", "--to", "README.md").ok()
    assert project.artifact("attestations/card.md").read_text().startswith("---\n")
    card = ModelCard.load(project.directory / "README.md")
    assert card.data.library_name == "kernwerk" and {"kernwerk", "rust"} <= set(card.data.tags)
    results = {(result.dataset_name, result.metric_type): result.metric_value for result in card.data.eval_results}
    gates = json.loads(project.artifact("attestations/gates.json").read_text())
    assert results["quality", "recall@100"] == pytest.approx(find(gates, "recall@100")["value"])
    headings = re.findall(r"^## (.+)$", card.text, re.M)
    assert headings == [*SECTIONS[:9], "Cost and Time", "How to Run It Again", "Datasheet"]
    assert "**Missing.**" in card.text and "`intended_use = " in card.text
    words = project.directory / "pipelines/trip/card.toml"
    words.write_text('license = "apache-2.0"\nlanguage = ["en", "de"]\ntags = ["taxi: rides"]\nintended_use = "To plan."\n[licenses.inputs]\n"rides.csv" = "CC-BY-4.0"\n')
    said = project("promote", "card", "trip@1").ok()
    again = ModelCard(said.split("\nmissing: ")[0])
    assert (again.data.license, again.data.language) == ("apache-2.0", ["en", "de"]) and "taxi: rides" in again.data.tags
    assert "To plan." in again.text and "`intended_use = " not in again.text
    assert by_reference(bill(project))["file:rides.csv"]["licenses"] == [{"expression": "CC-BY-4.0"}]
    words.write_text("intended = 'x'\n")
    refused = project("promote", "card", "trip@1")
    assert refused.code != 0 and "card.toml" in refused.stderr and "intended" in refused.stderr
    words.unlink()


def find(value, metric: str) -> dict:
    """The object in a document that is about a metric."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(value, dict) and value.get("metric") == metric:
        return value
    return next((found for item in inside if (found := find(item, metric))), {})


def test_words_of_a_stranger_stay_words(varied):
    """Markdown, YAML, HTML and terminal commands in an artifact become none in what is made of it."""
    cell = varied.artifact("cells/01.rs")
    cell.write_text("// ```\n# Heading\n<script>alert(1)</script>\n---\nlicense: mit\n\x1b[2J\u202e\n")
    pipeline = varied.artifact("pipeline.toml")
    pipeline.write_text(pipeline.read_text().replace('name = "rides.csv"', 'name = "r|<b>`x`.csv"'))
    varied.forge()
    varied("promote", "card", "trip@1", "--to", "card.md").ok()
    said = (varied.directory / "card.md").read_text()
    assert "\x1b" not in said and "\u202e" not in said and "\\u{1b}[2J" in said
    card = ModelCard(said)
    assert card.data.license is None
    fenced = re.sub(r"^(`{3,})[a-z]*\n.*?\n\1$", "", card.text, flags=re.M | re.S)
    assert "# Heading" not in fenced and "<script" not in fenced and "<b>" not in re.sub(r"`[^`\n]*`", "", fenced)
    shutil.copytree(varied.artifact("."), varied.directory / "pipelines/trip/2")
    shutil.copytree(Path(varied.directory) / "pipelines/trip/2", varied.directory / "pipelines/trip/3")
    (varied.directory / "pipelines/trip/3/cells/01.rs").write_text("let x = 1;\n")
    shown = varied("promote", "diff", "trip@2", "trip@3", "--html", "diff.html")
    assert shown.code == 1 and "\x1b" not in shown.stdout and "\u202e" not in shown.stdout
    page = (varied.directory / "diff.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page and "Content-Security-Policy" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page), "the page loads nothing"


def test_a_signed_approval_is_checked_by_other_libraries(project):
    project("promote", "approve", "trip@1", "production", "--key", "ada", "--directory", "keys", "--why", "half the cost").ok()
    (path,) = (project.directory / "pipelines/trip/history").iterdir()
    event = json.loads(path.read_text())
    (signature,) = event["signature"]["signatures"]
    key = public_key(project, signature["keyid"])
    assert list(Envelope.from_dict(event["signature"]).verify([key], 1)) == [key.keyid]
    payload = base64.b64decode(event["signature"]["payload"])
    statement = json_format.Parse(payload, statement_pb2.Statement())
    Statement.copy_from_pb(statement).validate()
    (subject,) = statement.subject
    assert (subject.name, subject.digest["blake3"]) == ("trip@1", blake3(project.artifact("MANIFEST.json").read_bytes()).hexdigest())
    predicate = json_format.MessageToDict(statement.predicate)
    assert {name: predicate[name] for name in ["stage", "by", "at", "why"]} == {"stage": "production", **{name: event[name] for name in ["by", "at", "why"]}}
    for change in [b"trip@2", b"trip@7"]:
        with pytest.raises(VerificationError):
            changed = base64.b64encode(payload.replace(b"trip@1", change)).decode()
            Envelope.from_dict(json.loads(path.read_text())["signature"] | {"payload": changed}).verify([key], 1)
    assert "approved for production by ada (signed)" in project("promote", "verify", "trip@1").ok()
    assert "for production by ada (signed)" in project("promote", "show", "trip@1").ok()
    (told,) = json.loads(project("promote", "history", "trip", "--format", "json").ok())
    assert (told["action"], told["by"], told["signed"]) == ("approve", "ada", "yes")
    project("promote", "approve", "trip@1", "production", "--by", "eve", "--key", "ada", "--directory", "keys").failed(
        "this key is that of ada, who does not approve for eve", "hint:"
    )
