"""@TITLE@. Launches the artifact as an asset of Dagster.

Generated: export it anew instead of changing it.
"""
# kernwerk-export: 0000000000000000000000000000000000000000000000000000000000000000

import hashlib
import json
import os
import subprocess
from pathlib import Path

import dagster

ARTIFACT = @ARTIFACT@
IDENTITY = @IDENTITY@
# The lab with the artifact, and the program; both can be said anew where they lie elsewhere.
LAB = Path(os.environ.get("KERNWERK_LAB", Path(__file__).resolve().parent / @LAB@)).resolve()
PROGRAM = os.environ.get("KERNWERK_PROGRAM", "kernwerk")
COMMAND = [PROGRAM, @LAUNCH@, ARTIFACT, "--lab", str(LAB), "--format", "json"]
MANIFEST = (LAB / @MANIFEST@, @SHA256@)
PARAMETERS = {
@PARAMETERS@}
INPUTS = @INPUTS@


def written(value):
    """A parameter's value as the command reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def failure(description, metadata, allow_retries):
    return dagster.Failure(description=f"{ARTIFACT} {description}", metadata=metadata, allow_retries=allow_retries)


@dagster.asset(
    name=@NAME@,
    config_schema=PARAMETERS,
    code_version=IDENTITY,
    kinds={"kernwerk"},
    metadata={"artifact": ARTIFACT, "identity": IDENTITY, "inputs": dagster.MetadataValue.json(INPUTS)},
)
def artifact(context: dagster.AssetExecutionContext):
    manifest, digest = MANIFEST
    if not manifest.is_file():
        raise failure(f"is not in the lab {LAB}", {"findings": [f"missing: {manifest}"]}, False)
    if hashlib.sha256(manifest.read_bytes()).hexdigest() != digest:
        raise failure("is not what was exported", {"findings": [f"changed: {manifest}"]}, False)
    parameters = [word for name, value in context.op_execution_context.op_config.items() for word in ("--param", f"{name}={written(value)}")]
    try:
        ran = subprocess.run([*COMMAND, *parameters], capture_output=True, text=True, cwd=LAB)
    except FileNotFoundError as error:
        raise failure(f"cannot be run: there is no program {PROGRAM}", {"findings": [str(error)]}, False) from None
    findings = ran.stderr.splitlines()
    for line in findings:
        context.log.info(line)
    try:
        report = json.loads(ran.stdout)
    except ValueError:
        report = ran.stdout
    verdict = {0: "done", 1: "failed"}.get(ran.returncode, "could not be run")
    metadata = {"verdict": verdict, "findings": findings, "report": dagster.MetadataValue.json(report)}
    if ran.returncode != 0:
        # What failed fails again; what could not be run may be able to later.
        raise failure("; ".join([verdict, *findings]), metadata, ran.returncode != 1)
    return dagster.MaterializeResult(metadata=metadata)


job = dagster.define_asset_job(@NAME@ + "_job", [artifact])
definitions = dagster.Definitions(assets=[artifact], jobs=[job])
