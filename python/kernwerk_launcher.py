"""Starts the program `kernwerk` of this Python's environment; what Jupyter calls. A module of its own, so that the package is not loaded."""

import os
import sys
import sysconfig

if __name__ == "__main__":
    program = os.path.join(sysconfig.get_path("scripts"), "kernwerk")
    os.execv(program, [program, *sys.argv[1:]])
