"""What promotion costs: recording cells, planning, replaying, publishing; beside the same without it, papermill and DVC, in turns within one run."""

from tests.bench.promote import cells, runs

ROWS = {
    "record": cells.record,
    "plan": cells.plan,
    "replay": runs.replay,
    "publish": runs.publish,
}
