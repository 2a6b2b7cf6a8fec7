"""What the tests of the Python face share: records of rides, texts, and IPython kernels with the extension loaded."""

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.append(str(CHECKOUT / "tests" / "end_to_end"))

from house import Kernel  # noqa: E402

RIDES = CHECKOUT / "kernel" / "cli" / "tests" / "cli" / "examples" / "rides.csv"
SOURCE = "%feature source rides rides.csv --event-time pickup --created known --key ride"
BUSY = """%%feature define busy --entity zone --event-time pickup --created known --ttl 1h
SELECT zone, pickup, known, fare AS last_fare FROM rides"""


class IPython(Kernel):
    """A Python kernel that has loaded the extension."""

    kinds = (*Kernel.kinds, "update_display_data")

    def __init__(self, directory, environment=None):
        super().__init__(directory, environment, name="python3")

    def __enter__(self):
        super().__enter__()
        self.run("%load_ext kernwerk").ok()
        return self

    def complete(self, code: str, cursor: int | None = None):
        """What the front end would put in place of which part of `code`."""
        request = self.client.complete(code, cursor)
        while (message := self.client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != request:
            pass
        content = message["content"]
        return code[content["cursor_start"] : content["cursor_end"]], content["matches"]


def documents(directory: Path, count: int) -> Path:
    """Texts enough to keep the embedding model at work."""
    place = directory / "texts"
    place.mkdir()
    for number in range(count):
        words = " ".join(f"Sentence {number} {part} tells of harbours, ferries and the tide." for part in range(12))
        (place / f"{number}.md").write_text(f"# Text {number}\n\n{words}\n")
    return place
