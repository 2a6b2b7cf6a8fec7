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
_LEXERS = {"rust": "kernwerk", "ipython3": "kernwerk-ipython", "python": "kernwerk-ipython"}


class KernwerkExporter(HTMLExporter):
    """HTML as nbconvert makes it, with the lexers of this package."""

    export_from_notebook = "HTML with colours for magics"

    def from_notebook_node(self, nb: NotebookNode, resources: dict[str, Any] | None = None, **arguments: Any) -> Any:
        language = nb.metadata.get("language_info", {})
        # A notebook that has never run knows no more than its kernel.
        kernel = nb.metadata.get("kernelspec", {}).get("language")
        named = language.get("pygments_lexer") or language.get("name") or kernel
        if named in _LEXERS:
            nb = copy.copy(nb)
            language = {"name": named, **language, "pygments_lexer": _LEXERS[named]}
            nb.metadata = {**nb.metadata, "language_info": language}
        return super().from_notebook_node(nb, resources, **arguments)
