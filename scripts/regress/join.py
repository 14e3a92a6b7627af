"""Puts the records of several runs, such as those of several machines, together in one folder, as if one had run them all."""

import shutil

import records
import summary as summaries


class Part:
    def __init__(self, folder):
        self.folder = folder
        self.run = records.read_run(folder)
        self.records, self.bad = records.read(folder)
        self.names = {path.stem for path in (folder / "records").glob("*.json")}


def named(record):
    """The files and folders that a record names, relative to the folder of its run."""
    return list(filter(None, (record.log, record.wave, record.coverage)))


def check(run, parts):
    """ValueError where the parts are not of one run, or have a case in common."""
    if (run / "run.json").exists():
        raise ValueError(f"{run}: there is a run already; give a new folder")
    first, owner = parts[0], {}
    for part in parts:
        for key in ("base", "commit"):
            if part.run.get(key) != first.run.get(key):
                raise ValueError(f"{part.folder}: its {key} is {part.run.get(key)}, and that of {first.folder} is "
                                 f"{first.run.get(key)}: not parts of one run")
        for record in part.records:
            if record.base != part.run.get("base") or record.commit != part.run.get("commit"):
                raise ValueError(f"{part.folder}: the record of {record.name} is of another base or commit than its run.json")
            for path in named(record):
                if path.startswith("/") or ".." in path.split("/"):
                    raise ValueError(f"{part.folder}: the record of {record.name} names {path}, which is not below its folder")
        for name in sorted(part.names):
            if name in owner:
                raise ValueError(f"{part.folder}: the case {name} is in {owner[name]} already")
            owner[name] = part.folder


def together(parts, expected):
    """The run.json of all parts."""
    run, planned = dict(parts[0].run), {}
    for part in parts:
        for name, count in summaries.planned_of(part.run).items():
            known = planned.get(name, 0)
            planned[name] = None if count is None or known is None else known + count
    unfinished = [f"The part {part.folder} was stopped" for part in parts if not part.run.get("finished")]
    sessions = [session for part in parts for session in part.run.get("sessions") or ()]
    first, last = min((start for start, _ in sessions), default=0), max((end for _, end in sessions), default=0)
    run.update(planned=planned, suites=list(planned), cases=None, expected=list(expected), unfinished=unfinished,
               parts=[str(part.folder) for part in parts], command="\n".join(summaries.again(part.run) for part in parts),
               coverage=any(part.run.get("coverage") for part in parts),
               started=min(part.run.get("started") or 0 for part in parts), sessions=[[first, last]],
               finished=None if unfinished else max(part.run["finished"] for part in parts))
    return run


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.is_file():
        shutil.copy2(source, target)


def join(run, folders, expected=()):
    """Fills the new folder `run` with the records of `folders`, and what they name. run.json comes last, so that a folder
    that was not finished is no run."""
    parts = [Part(folder) for folder in folders]
    check(run, parts)
    for part in parts:
        for name in part.names:
            copy(records.path_of(part.folder, name), records.path_of(run, name))
        for record in part.records:
            for path in named(record):
                copy(part.folder / path, run / path)
    (run / "records").mkdir(parents=True, exist_ok=True)
    records.write_json(run / "run.json", together(parts, expected))
