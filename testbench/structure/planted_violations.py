"""Violations of the structure, each planted in a copy of the tree: the checks must report every one."""

import shutil
import tempfile
from pathlib import Path

TOPS = ("rtl", "sim", "model", "testbench", "scripts")


def append(name, text):
    def plant(root):
        path = root / name
        path.write_text((path.read_text() if path.is_file() else "") + text)
    return plant


def replace(name, old, new):
    def plant(root):
        text = (root / name).read_text()
        if old not in text:
            raise ValueError(f"{name} no longer has the text '{old}', which a planted violation changes")
        (root / name).write_text(text.replace(old, new, 1))
    return plant


def remove(name):
    return lambda root: (root / name).unlink()


def many_files(root):
    for number in range(26):
        (root / "model" / "core" / f"part_{number}.cpp").write_text("\n")


# What it is, how it is planted, and a part of the line that must report it.
VIOLATIONS = (
    ("a lower floor includes a higher one", append("model/core/text.hpp", '#include "sim/mac/cosim.hpp"\n'),
     "model/core may not include sim/mac"),
    ("a floor includes another that its README does not name",
     append("model/mac/mac.hpp", '#include "model/files/npy.hpp"\n'), "model/mac may not include model/files"),
    ("the simulator includes the testbench", append("sim/mac/cosim.cpp", '#include "testbench/support/rational.hpp"\n'),
     "sim/mac may not include testbench/support"),
    ("the units take a module of the baseline", append("rtl/if4_mac.f", "baseline/fp32_mul.sv\n"),
     "rtl may not include rtl/baseline"),
    ("an include relative to its own folder", append("model/core/text.cpp", '#include "text.hpp"\n'),
     "'text.hpp' is not written from the root"),
    ("two folders that may include each other",
     replace("model/core/README.md", "May include: nothing.", "May include: `model/files`."), "in a circle"),
    ("a README that permits the testbench",
     replace("model/core/README.md", "May include: nothing.", "May include: `testbench/support`."),
     "only the testbench may include testbench/support"),
    ("a README that permits a folder that is not there",
     replace("model/core/README.md", "May include: nothing.", "May include: `model/nosuch`."), "no folder model/nosuch"),
    ("a README that does not say what may be included", replace("model/core/README.md", "May include:", "Includes:"),
     "model/core/README.md: 0 lines begin"),
    ("a README that says it twice", append("model/core/README.md", "\nMay include: `model/mac`.\n"),
     "model/core/README.md: 2 lines begin"),
    ("a folder without a README", remove("scripts/README.md"), "scripts: no README.md"),
    ("a folder of too many files", many_files, "source files, more than 25"),
    ("a file that is too long", append("rtl/if4_sum.sv", "// One line.\n" * 400), "rtl/if4_sum.sv: 4"),
    ("a C++ function that is too long", append("model/core/dtype.cpp", "void f(int a,\n       int b) {\n" + "\n" * 78 + "}\n"),
     "a function of 81 lines"),
    ("a method that is too long",
     append("model/core/dtype.cpp", "class C {\n  int f() const {\n" + "\n" * 79 + "  }\n};\n"), "a function of 81 lines"),
    ("a Python function that is too long", append("scripts/planted.py", "\n\ndef f():\n" + "    pass\n" * 80),
     "a function of 81 lines"),
    ("an exception that is none", append("testbench/structure/exceptions.txt", "rtl/if4_sum.sv it is one thing\n"),
     "rtl/if4_sum.sv is not too long"),
    ("an exception without a reason", append("testbench/structure/exceptions.txt", "rtl/if4_sum.sv\n"),
     "no reason for rtl/if4_sum.sv"),
    ("a planted bug whose text is gone",
     append("testbench/mutants/rtl.txt", "\nmutant gone\nfile rtl/if4_sum.sv\nwhat nothing\n- no such text\n"),
     "planted bug gone no longer applies: its text occurs 0 times"),
    ("a planted bug that ends in a blank",
     append("testbench/mutants/rtl.txt", "\nmutant blank\nfile rtl/if4_sum.sv\nwhat nothing\n- module \n"),
     "the line ends in a blank"),
    ("a proof whose planted bug is gone",
     append("testbench/formal/proofs.txt", "\n\nproof gone\nwhat x\ntop x\nengine sat\nbug x\nfile rtl/if4_sum.sv\n- no such\n"),
     "planted bug gone no longer applies"),
)


def contents(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def restore(root, before):
    now = contents(root)
    for path in now.keys() - before.keys():
        path.unlink()
    for path, data in before.items():
        if now.get(path) != data:
            path.write_bytes(data)


def missed(root, violations):
    """Those that `violations`, a function of the root of a tree, does not report, each with what it says instead."""
    result = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for top in TOPS:
            shutil.copytree(root / top, copy / top, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
        shutil.copy(root / "Makefile", copy)
        before = contents(copy)
        for what, plant, expected in VIOLATIONS:
            plant(copy)
            found = violations(copy)
            if not any(expected in text for text in found):
                result.append(f"{what}; instead: {found or 'nothing'}")
            restore(copy, before)
    return result
