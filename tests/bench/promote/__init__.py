"""What promotion costs, and how small its slices are: side by side with the peers of each row."""

from tests.bench.promote import slice as slices

ROWS = {
    "slice": slices.slice_size,
}
