"""The IPython in which the magics of a published script run: `from kernwerk.script import get_ipython`."""

from __future__ import annotations

import __main__

from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import InteractiveShell

__all__ = ["get_ipython"]

if get_ipython() is None:
    # Its variables are the script's: `-> name` binds there.
    _shell = InteractiveShell.instance(user_module=__main__, user_ns=vars(__main__))
    _shell.run_line_magic("load_ext", "kernwerk")
