"""Kernels for these tests: fresh ones, and one that has compiled its first Rust cell."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "end_to_end"))

from house import Kernel  # noqa: E402


@pytest.fixture
def kernel(tmp_path):
    """A fresh kernel whose notebook lies in an empty directory."""
    with Kernel(tmp_path) as kernel:
        yield kernel


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A kernel that the tests of a file share, warm: its first Rust cell has run."""
    with Kernel(tmp_path_factory.mktemp("notebook")) as kernel:
        kernel.run("1").ok()
        yield kernel
