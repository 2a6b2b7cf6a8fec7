"""The IPython in which a fresh process runs cells. It looks to libraries like that of a notebook, without Jupyter."""

from __future__ import annotations

import os

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

# What a notebook's kernel sets, and libraries look at.
_ENVIRONMENT = {
    "TERM": "xterm-color",
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}


class ZMQInteractiveShell(InteractiveShell):
    """Libraries ask in what kind of IPython they are, and show their tables accordingly: by the name of its class, and by
    whether it has a kernel."""

    kernel = None


def fresh(home: str) -> ZMQInteractiveShell:
    """A shell without anybody's profile or history; `home` is a directory for what it has to write."""
    os.environ.update(_ENVIRONMENT)
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.ipython_dir = home
    return ZMQInteractiveShell.instance(config=config)
