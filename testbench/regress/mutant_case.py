#!/usr/bin/env python3
"""A case of the suite `mutants`: a planted bug, which the test suite must notice.

usage: testbench/regress/mutant_case.py --list | --index N --folder DIR

Case 0 plants no bug, and the suite must pass: what fails there would fail with every bug. Each case builds in a copy of
its own, with the objects of this tree, which must be built.
"""

import hashlib
import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import mutants


def main():
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--index", type=int)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    bugs = [None, *mutants.read_mutants()]
    if args.list:
        print("\n".join(bug.name if bug else "none" for bug in bugs))
        return 0
    bug, root = bugs[args.index], args.folder / "tree"
    mutants.copy_sources(root)
    mutants.copy_objects(mutants.ROOT, root)
    change = repr((bug.name, bug.file, bug.original, bug.replacement)) if bug else "none"
    if bug:
        mutants.plant(bug, root)
    what = f"planted bug {bug.name} in {bug.file}" if bug else "the unchanged project"
    if not mutants.build(root, 1):
        print(f"FAILED: {what} does not build\n{(root / 'build.log').read_text(errors='replace')[-4000:]}")
        return 1
    own = mutants.own_tests(bug) if bug else sorted(set(mutants.OWN_TESTS.values()))
    failure = mutants.test(root, bool(bug) and bug.file.startswith("rtl/"), own)
    shutil.rmtree(root / "build")
    if bug and failure is None:
        print(f"SURVIVED: {what}: {bug.what}")
        return 1
    if not bug and failure is not None:
        print(f"FAILED: {what}: {failure.text}, see {root}/test.log")
        return 1
    print(f"{what}: {'CAUGHT by ' + failure.text if bug else 'passes'}")
    print(f"stimuli {hashlib.sha256(change.encode()).hexdigest()} planted bug\nchecks 1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
