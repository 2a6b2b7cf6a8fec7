"""Places to work in, the program in a shell, and kernels, for the end-to-end tests."""

import pytest

from house import Kernel, Shell


@pytest.fixture
def shell(tmp_path):
    """The program `kernwerk` in an empty directory."""
    return Shell(tmp_path)


@pytest.fixture
def kernel(tmp_path):
    """A fresh kernel whose notebook lies in an empty directory."""
    with Kernel(tmp_path) as kernel:
        yield kernel
