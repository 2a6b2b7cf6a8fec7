"""Runs the quickstart notebook without a browser in a fresh copy, and tells what its cells answer while they run.

`make run` calls it as a program; the tests call `copy_to` and `execute`.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

CHECKOUT = Path(__file__).resolve().parents[2]
NOTEBOOK = Path("notebooks") / "quickstart.ipynb"

# The slowest cell compiles what cells import when nobody prepared it.
CELL_TIMEOUT_SECONDS = 1800


def copy_to(directory: Path, notebook: Path = NOTEBOOK) -> Path:
    """Makes `directory` a checkout with what a quickstart needs of this one; the path of the notebook there."""
    directory.mkdir(parents=True, exist_ok=True)
    # A repository of its own, so that its lab is its own as well.
    subprocess.run(["git", "init", "--quiet", directory], check=True)
    for name in ("notebooks", "docs"):
        shutil.copytree(
            CHECKOUT / name,
            directory / name,
            ignore=shutil.ignore_patterns(".ipynb_checkpoints", "*.csv"),
        )
    return directory / notebook


def execute(path: Path, tell=lambda text: None, live=False) -> nbformat.NotebookNode:
    """Executes the notebook in its own directory with the installed kernel, and writes the outputs into it.

    What `tell` is told may be written anew where it stands if it is `live`: a terminal. Raises `CellExecutionError` at the
    first cell that fails; the notebook then holds the outputs up to there.
    """
    notebook = nbformat.read(path, as_version=4)
    client = Narrator(
        notebook,
        tell,
        live,
        kernel_name=notebook.metadata.kernelspec.name,
        resources={"metadata": {"path": str(path.parent)}},
        timeout=CELL_TIMEOUT_SECONDS,
    )
    try:
        client.execute()
    finally:
        client.end_progress()
        nbformat.write(notebook, path)
    return notebook


class Narrator(NotebookClient):
    """Tells each cell's first line when it begins, its outputs as they arrive, and of progress one line: its last state,
    and on a terminal those before it in the same place."""

    def __init__(self, notebook, tell, live, **options):
        super().__init__(notebook, on_cell_execute=self.begin_cell, **options)
        self.tell = tell
        self.live = live
        self.progress = None

    def begin_cell(self, cell, cell_index):
        if cell.cell_type != "code":
            return
        self.end_progress()
        first, *others = cell.source.strip().splitlines()
        more = f"  (and {len(others)} more lines)" if others else ""
        self.tell(f"\n── {first}{more}\n")

    def process_message(self, msg, cell, cell_index):
        kind, content = msg["msg_type"], msg["content"]
        if kind in ("display_data", "update_display_data") and "display_id" in content.get("transient", {}):
            self.tell_progress(content["transient"]["display_id"], as_text(content["data"]))
        elif kind in ("stream", "display_data", "execute_result", "error"):
            self.end_progress()
            self.tell(as_words(kind, content))
        return super().process_message(msg, cell, cell_index)

    def tell_progress(self, display, text):
        if self.progress and self.progress[0] != display:
            self.end_progress()
        self.progress = (display, text)
        if self.live:
            self.tell(f"\r\x1b[K{text}")

    def end_progress(self):
        if self.progress:
            self.tell("\n" if self.live else self.progress[1] + "\n")
        self.progress = None


def as_words(kind, content) -> str:
    """The text of an output."""
    if kind == "stream":
        return content["text"]
    if kind == "error":
        return "\n".join(content["traceback"]) + "\n"
    return as_text(content["data"]) + "\n"


def as_text(bundle) -> str:
    """The text of a MIME bundle, and in place of a picture its kind and size."""
    if "image/svg+xml" in bundle:
        return f"(a chart: {len(bundle['image/svg+xml'])} bytes of SVG)"
    return bundle.get("text/plain", f"({', '.join(bundle)})").rstrip("\n")


def main() -> int:
    """Runs the quickstart in `.run` of the checkout, which is made anew each time."""
    scratch = CHECKOUT / ".run"
    shutil.rmtree(scratch, ignore_errors=True)
    path = copy_to(scratch)
    shown = path.relative_to(CHECKOUT)
    print(f"kernwerk: running the quickstart in a copy, {shown}", flush=True)
    begun = time.monotonic()

    def tell(text):
        sys.stdout.write(text)
        sys.stdout.flush()

    try:
        execute(path, tell, live=sys.stdout.isatty())
    except CellExecutionError:
        print(f"\nkernwerk: the quickstart failed; what it showed up to there is in {shown}", file=sys.stderr)
        return 1
    print(f"\nkernwerk: the quickstart is done in {time.monotonic() - begun:.0f} s; its outputs are in {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
