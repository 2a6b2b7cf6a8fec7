"""What promotion costs, and how small its slices are: beside the same without it, papermill, DVC and gather's rule, in turns within one run."""

from tests.bench.promote import cells, runs
from tests.bench.promote import slice as slices

ROWS = {
    "record": cells.record,
    "plan": cells.plan,
    "replay": runs.replay,
    "publish": runs.publish,
    "slice": slices.slice_size,
}
