"""How long people wait for the kernel, and what it takes of the machine: side by side with evcxr_jupyter and ipykernel, in turns within one run."""

from tests.bench.kernel import cells, frames, starts

ROWS = {
    "kernel-start": starts.kernel_start,
    "first-cell": starts.first_cell,
    "trivial-cell": cells.trivial_cell,
    "polars-cell": frames.polars_cell,
    "polars-first": frames.polars_first,
    "magic-round-trip": cells.magic_round_trip,
    "arrow-in": frames.arrow_in,
    "memory": starts.memory,
}
