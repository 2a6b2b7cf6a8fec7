"""The helpers of the end-to-end tests, for these as well."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "end_to_end"))
