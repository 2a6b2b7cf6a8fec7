"""What is taken down of what cells show, in a notebook and in a terminal: the same, and the user sees it as before."""

import json
import sqlite3
import subprocess
import sys

import pytest
from blake3 import blake3


def recorded(directory) -> dict:
    """What each cell showed, by its text: channel, format and digest of what is compared, and the channels of the rest."""
    with sqlite3.connect(f"file:{directory / '.kernwerk' / 'ledger.sqlite'}?mode=ro", uri=True) as ledger:
        rows = ledger.execute("SELECT text, outputs FROM cell WHERE outputs IS NOT NULL ORDER BY id").fetchall()
    cells = {}
    for text, outputs in rows:
        compared = [(one["channel"], one["format"], one["digest"]) for one in json.loads(outputs) if not one["volatile"]]
        cells[text] = compared, [one["channel"] for one in json.loads(outputs) if one["volatile"]]
    return cells


def of(channel: str, content: str | bytes, form: str = "txt"):
    return channel, form, blake3(content.encode() if isinstance(content, str) else content).hexdigest()


# What a cell shows, as it is taken down; and whether something else is shown that is not compared.
CELLS = {
    "print('one', end='')\nprint(' two')": ([of("stdout", "one two\n")], []),
    "import sys\nprint('aside', file=sys.stderr)": ([], ["stderr"]),
    "7 * 6": ([of("result", "42")], []),
    "7 * 6;": ([], []),
    "from IPython.display import HTML, Image, display, clear_output\ndisplay(HTML('<b>bold</b>'))": ([of("display", "<b>bold</b>", "html")], []),
    "display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n', format='png'))": ([of("display", b"\x89PNG\r\n\x1a\n", "png")], []),
    "shown = display('first', display_id='d')\nshown.update('second')": ([of("display", "'second'")], []),
    "print('gone')\nclear_output()\nprint('stays')": ([of("stdout", "stays\n")], []),
    "%%capture\nprint('nobody sees this')": ([], []),
    "class Loud:\n    def __repr__(self):\n        print('from within')\n        return 'loud'\n\nLoud()": ([of("result", "loud")], []),
    "1 / 0": ([of("error", "ZeroDivisionError: division by zero")], []),
    "%feature sql 'SELECT broken'": None,
    "%lab init": ([], ["display"]),
    "import os\n_ = os.system('echo past Python')": ([], []),
}  # fmt: skip


def test_a_notebook_records_what_its_cells_show(ipython):
    replies = {code: ipython.run(code) for code in CELLS}
    found = recorded(ipython.directory)
    for code, expected in CELLS.items():
        if expected is not None:
            assert found[code] == expected, code
    compared, _ = found["%feature sql 'SELECT broken'"]
    assert [channel for channel, _, _ in compared] == ["error"]
    # Nothing is hidden from the user, and nothing is shown twice.
    assert replies["print('one', end='')\nprint(' two')"].text() == "one two\n"
    assert replies["7 * 6"].text() == "42\n"
    assert "aside" in replies["import sys\nprint('aside', file=sys.stderr)"].text()
    assert [kind for kind, _ in replies["display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n', format='png'))"].outputs] == ["display_data"]


def test_without_the_extension_nothing_of_it_is_left(ipython):
    ask = "import sys\nshell = get_ipython()\nowners = (sys.stdout, sys.stderr, shell.display_pub, shell.displayhook, shell)\n"
    ask += "print([name for owner in owners for name, value in vars(owner).items() if 'kernwerk' in str(getattr(value, '__module__', ''))])"
    assert "write" in ipython.run(ask).ok()
    ipython.run("%unload_ext kernwerk").ok()
    assert ipython.run(ask).ok() == "[]\n"


@pytest.mark.parametrize("code", ["7 * 6", "1 / 0", "print('one')", "display('shown')"])
def test_a_terminal_records_the_same(directory, code):
    """There results, displays and tracebacks are printed."""
    script = f"%load_ext kernwerk\n%lab init\n{code}\n"
    ran = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        input=script, cwd=directory, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    expected = {
        "7 * 6": of("result", "42"),
        "1 / 0": of("error", "ZeroDivisionError: division by zero"),
        "print('one')": of("stdout", "one\n"),
        "display('shown')": of("display", "'shown'"),
    }
    assert recorded(directory)[code] == ([expected[code]], [])
