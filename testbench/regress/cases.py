"""What the cases of the regression that are scripts share: random tensors, running a program, and what a case prints."""

import array
import hashlib
import random
import re
import struct
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORMATS = ["if4", "mixfp4", "nvfp4", "nvint4", "if3", "if6_e2m3", "if6_e3m2", "nvfp6_e2m3", "nvfp6_e3m2"]


class Case:
    """A case with its random numbers. It counts checks, and takes the digest of what it feeds to the programs."""

    def __init__(self, description):
        parser = ArgumentParser(description=description)
        parser.add_argument("--bin", type=Path, required=True)
        parser.add_argument("--seed", type=int, required=True)
        parser.add_argument("--folder", type=Path, required=True)
        args = parser.parse_args()
        self.bin, self.folder, self.seed = (ROOT / args.bin).resolve(), args.folder, args.seed
        self.random = random.Random(args.seed)
        self.checks, self.digests = 0, {}

    def run(self, program, *words):
        """What the program says on stdout; a case ends where a program fails."""
        command = [str(word) for word in (program, *words)]
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            print(f"FAILED with exit code {done.returncode}: {' '.join(command)}\n{done.stdout}{done.stderr}")
            sys.exit(1)
        return done.stdout

    def require(self, right, what):
        if not right:
            print(f"FAILED: {what}")
            sys.exit(1)

    def count(self, text, pattern):
        """Counts what a program says that it compared; a program that does not say so has failed."""
        match = re.search(pattern, text)
        self.require(match and int(match[1]) > 0, f"nothing says '{pattern}' in\n{text}")
        self.checks += int(match[1])

    def note(self, part, data):
        """Bytes of a stimulus."""
        self.digests.setdefault(part, hashlib.sha256()).update(data)

    def tensor(self, name, rows, columns):
        """A .npy file of random values: bells, long tails, zeros and small magnitudes, block by block."""
        values = array.array("f")
        for _ in range(rows * columns):
            if len(values) % 16 == 0:
                kind, size = self.random.randrange(4), 2.0 ** -self.random.randrange(20)
            value = self.random.gauss(0, size)
            if kind == 1:
                value = value ** 3 / size ** 2
            if kind == 2 and self.random.random() < 0.7:
                value = 0.0
            if kind == 3:
                value = self.random.randrange(-24, 25) / 4 * size
            values.append(value)
        if sys.byteorder == "big":
            values.byteswap()
        data = values.tobytes()
        self.note("tensors", data)  # all in one part: one of a single value may well come twice
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}".encode()
        header += b" " * (-(len(header) + 11) % 64) + b"\n"
        path = self.folder / f"{name}.npy"
        path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data)
        return path

    def end(self):
        for part, digest in sorted(self.digests.items()):
            print(f"stimuli {digest.hexdigest()} {part}")
        print(f"checks {self.checks}")
