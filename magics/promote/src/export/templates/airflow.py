"""@TITLE@. Launches the artifact as a task of Airflow.

Generated: export it anew instead of changing it.
"""
# kernwerk-export: 0000000000000000000000000000000000000000000000000000000000000000

import hashlib
import json
import os
import subprocess
from pathlib import Path

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

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


@dag(dag_id=@NAME@, schedule=None, params=PARAMETERS, tags=["kernwerk"], doc_md=f"{ARTIFACT}, identity `{IDENTITY}`")
def pipeline():
    @task(task_id="run")
    def run():
        manifest, digest = MANIFEST
        if not manifest.is_file():
            raise AirflowFailException(f"{ARTIFACT} is not in the lab {LAB}")
        if hashlib.sha256(manifest.read_bytes()).hexdigest() != digest:
            raise AirflowFailException(f"{ARTIFACT} is not what was exported: changed {manifest}")
        chosen = get_current_context()["params"]
        parameters = [word for name in PARAMETERS for word in ("--param", f"{name}={written(chosen[name])}")]
        try:
            ran = subprocess.run([*COMMAND, *parameters], capture_output=True, text=True, cwd=LAB)
        except FileNotFoundError:
            raise AirflowFailException(f"{ARTIFACT} cannot be run: there is no program {PROGRAM}") from None
        print(ran.stderr)
        if ran.returncode == 1:
            # What failed fails again.
            raise AirflowFailException(f"{ARTIFACT} failed: {ran.stderr}")
        if ran.returncode != 0:
            raise AirflowException(f"{ARTIFACT} could not be run: {ran.stderr}")
        try:
            report = json.loads(ran.stdout)
        except ValueError:
            report = ran.stdout
        return {"identity": IDENTITY, "inputs": INPUTS, "verdict": "done", "report": report}

    run()


pipeline()
