"""The places in which the tests of the Python face run."""

import shutil

import pytest

from face import RIDES, IPython


@pytest.fixture
def directory(tmp_path):
    """A notebook's directory with a file of rides."""
    shutil.copy(RIDES, tmp_path / "rides.csv")
    return tmp_path


@pytest.fixture
def ipython(directory):
    """A fresh IPython in a directory of its own."""
    with IPython(directory) as kernel:
        yield kernel
