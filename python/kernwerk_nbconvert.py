"""An exporter of nbconvert, `jupyter nbconvert --to kernwerk`: HTML in which magics and their bodies have colours.

The kernel tells nbconvert that its cells are Rust. That is so on purpose: where this package is not installed, as on a
site that shows notebooks, a cell in an unknown language has no colour at all. Here the package is installed.
"""

from __future__ import annotations

import copy
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode

# By what notebooks say: what knows magics, too.
_LEXERS = {"rust": "kernwerk", "ipython3": "kernwerk-ipython"}


class KernwerkExporter(HTMLExporter):  # type: ignore[misc]  # nbconvert is not typed
    """HTML as nbconvert makes it, with the lexers of this package."""

    export_from_notebook = "HTML with colours for magics"

    def from_notebook_node(self, nb: NotebookNode, resources: dict[str, Any] | None = None, **arguments: Any) -> Any:
        language = copy.copy(nb.metadata.get("language_info", {}))
        named = language.get("pygments_lexer", language.get("name"))
        language["pygments_lexer"] = _LEXERS.get(named, named)
        nb = copy.copy(nb)
        nb.metadata = {**nb.metadata, "language_info": language}
        return super().from_notebook_node(nb, resources, **arguments)
