"""What code of Python does that its names do not tell: it changes the process, draws from generators, writes and reads files.

It is told by the names of functions. As everywhere in the record of cells, too much makes a slice longer, too little makes it wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kernwerk import library
from kernwerk.chains import Chains

# Functions of the process: what they do, every later cell may notice.
_PROCESS = {
    "os.chdir", "os.chroot", "os.fchdir", "os.fork", "os.forkpty", "os.kill", "os.popen", "os.putenv", "os.startfile", "os.system", "os.umask", "os.unsetenv",
    "pty.spawn", "time.tzset",
}  # fmt: skip
_PROCESS_PREFIXES = ("subprocess.", "ctypes.", "os.exec", "os.spawn", "os.posix_spawn")
# What is of the process as a value: setting it, or calling a method of it that changes it.
_OF_PROCESS = ("os.environ", "sys.path", "sys.modules", "sys.meta_path", "sys.path_hooks")

# Generators that a module hides: each by the name that stands for its state, with the functions of the module that do not draw.
_GENERATORS = {
    "random": {"Random", "SystemRandom"},
    "numpy.random": {
        "BitGenerator", "Generator", "MT19937", "PCG64", "PCG64DXSM", "Philox", "RandomState", "SFC64", "SeedSequence", "default_rng",
    },
    "torch": set(),
    "tensorflow.random": {"Generator"},
}  # fmt: skip
_SEEDING = {"manual_seed", "seed", "set_seed", "set_state", "setstate"}
# Of `torch`, which has much besides.
_OF_TORCH = {"bernoulli", "manual_seed", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"}
# Methods of frames and distributions that draw from the hidden generator of numpy where they are given none.
_DRAWING = {"rvs", "sample"}

# Names of what writes files, whatever it is called on.
_WRITES = {
    "commit", "dump", "executescript", "extractall", "hardlink_to", "makedirs", "memmap", "mkdir", "open_memmap", "removedirs", "rename", "renames", "rmdir",
    "rmtree", "save", "savefig", "savetxt", "savez", "savez_compressed", "symlink", "symlink_to", "to_csv", "to_excel", "to_feather", "to_hdf", "to_html",
    "to_json", "to_latex", "to_markdown", "to_orc", "to_parquet", "to_pickle", "to_sql", "to_stata", "to_xml", "tofile", "touch", "truncate", "unlink",
    "urlretrieve", "write", "writelines", "writerow", "writerows",
}  # fmt: skip
# Functions of modules whose last names mean other things elsewhere.
_WRITING = {"os.link", "os.remove", "os.replace", "os.write", "shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.copytree", "shutil.move"}


@dataclass
class Effects:
    """What code does that its names do not tell."""

    #: It changes the process: its environment, its directory, others that it starts.
    process: bool = False
    #: Modules whose hidden generator it draws from, by dotted names.
    draws: set[str] = field(default_factory=set)
    #: Those of them that it begins anew.
    seeds: set[str] = field(default_factory=set)
    writes_files: bool = False
    #: It reads files whose names do not stand in the call.
    reads_hidden: bool = False
    reads_files: bool = False


def of(chains: Chains, namespace: Mapping[str, Any]) -> Effects:
    """What code does that names this."""
    names = chains.dotted(namespace)
    return Effects(
        process=any(map(_is_of_process, names)) or any(name.startswith(_OF_PROCESS) for name in chains.dotted_stored(namespace)),
        draws={module for name in names if (module := drawn_by(name))} | ({"numpy.random"} if chains.attributes & _DRAWING else set()),
        seeds={module for name in names if (module := seeded_by(name))},
        writes_files=chains.opens_to_write or bool(chains.attributes & _WRITES) or _writes_by_prefix(chains) or bool(names & _WRITING),
        reads_hidden=chains.reads_hidden,
        reads_files=chains.reads_files,
    )


def _writes_by_prefix(chains: Chains) -> bool:
    return any(name.startswith(("write_", "sink_")) for name in chains.attributes)


def _is_of_process(name: str) -> bool:
    owner, _, last = name.rpartition(".")
    return name in _PROCESS or name.startswith(_PROCESS_PREFIXES) or (owner in _OF_PROCESS and last in library.KEEPING)


def drawn_by(name: str) -> str | None:
    """The module whose hidden generator the function of this dotted name draws from, or sets."""
    owner, _, last = name.rpartition(".")
    if owner not in _GENERATORS or last in _GENERATORS[owner] or (owner == "torch" and last not in _OF_TORCH):
        return None
    # `numpy.random` itself is what `random` is in numpy.
    return owner if last and last[0].islower() and last != "mtrand" else None


def seeded_by(name: str) -> str | None:
    """The module whose hidden generator the function of this dotted name begins anew."""
    return drawn_by(name) if name.rpartition(".")[2] in _SEEDING else None


def generator(module: str) -> str:
    """The name that stands for a module's hidden generator in the record of cells; no variable has it."""
    return f"generator {module}"
