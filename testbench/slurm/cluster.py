#!/usr/bin/env python3
"""A Slurm cluster on this machine's loopback: munge, slurmctld, and nodes, from Debian's packages, all in one folder.

usage: testbench/slurm/cluster.py FOLDER [--nodes N] [--cpus N] -- COMMAND [ARGUMENT...]

Runs the command with SLURM_CONF set to that cluster, and ends every process of the cluster when the command ends or a
signal comes. Nothing outside the folder is read or written: no /etc/slurm, no systemd, no accounts, no cgroups, no root.
Exit codes: that of the command; 2 usage, or the cluster did not start; 128 + a signal.
"""

import argparse
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "regress"))
import processes

LIMIT = 90  # seconds that anything here may take at most; it takes a few
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
LONGEST_SOCKET = 100  # a Unix socket's path has 107 characters at most

CONFIGURATION = """\
ClusterName=if4
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={socket}
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool_%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd_%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd_%n.log
# A job's processes are found by their parents, for which neither root nor cgroups are needed.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
# A node that does not answer for some seconds is down; one that comes back is used again.
SlurmdTimeout=5
MessageTimeout=4
SlurmctldTimeout=10
ReturnToService=2
KillWait=2
# The cores and the memory of a node are what this file says, whatever the machine has.
SlurmdParameters=config_overrides
MaxArraySize={array}
NodeName=DEFAULT CPUs={cpus} RealMemory=256 State=UNKNOWN
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class ClusterError(Exception):
    """The cluster does not do what it should; the text says which part, and where its log is."""


def wait_for(what, condition, limit=LIMIT):
    """The first true value of condition(), which is asked every 50 ms; ClusterError after the limit in seconds."""
    end = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > end:
            raise ClusterError(f"{what}: not within {limit} s")
        time.sleep(0.05)
    return value


def free_ports(count):
    """Ports of loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def processes_with(*settings):
    """IDs of the processes that have each of these settings, NAME=VALUE, in the environment that they were started with."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is somebody else's
            continue
        if all(setting.encode() in environment for setting in settings):
            found.append(int(entry.name))
    return found


def kill_all(*settings):
    """Ends the processes with these settings at once, and those that they start meanwhile; returns when there are none."""
    killed = set()

    def none_left():
        found = processes_with(*settings)
        processes.kill(found)
        killed.update(found)
        return not found
    wait_for("processes of the cluster end", none_left)
    reap(killed)


def reap(killed):
    """Takes note of the end of orphans, whose parent this process became: those that were killed, and Slurm's own. Not
    every container has an init that would do it."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (int(entry.name) in killed or (entry / "comm").read_text().startswith("slurm")):
                os.waitpid(int(entry.name), os.WNOHANG)
        except OSError:  # it is gone, or has another parent
            pass


class Cluster:
    """Within `with Cluster(folder) as cluster:`, `cluster.environment` makes the clients of Slurm talk to it."""

    def __init__(self, folder, nodes=2, cpus=2, array=1001):
        self.folder = Path(folder).resolve()
        self.nodes = [f"node{number + 1}" for number in range(nodes)]
        self.cpus, self.array = cpus, array
        self.configuration = self.folder / "slurm.conf"
        self.mark = f"SLURM_CONF={self.configuration}"
        self.environment = dict(os.environ, SLURM_CONF=str(self.configuration), PATH=PATH)
        self.socket_folder = None
        self.daemons = {}

    def __enter__(self):
        # Job steps outlive their daemon. This process becomes their parent then, and not init, so that it sees their end.
        processes.adopt()
        try:
            kill_all(self.mark)  # what a run before left that was killed itself
            self._write()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _write(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "state").mkdir(parents=True)
        for name in self.nodes:
            (self.folder / f"spool_{name}").mkdir()
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(128))
        self.socket = self.folder / "munge.socket"
        if len(str(self.socket)) > LONGEST_SOCKET:
            self.socket_folder = tempfile.mkdtemp(prefix="if4-munge-")
            self.socket = Path(self.socket_folder) / "munge.socket"
        port, *ports = free_ports(1 + len(self.nodes))
        host = socket.gethostname().split(".")[0]
        nodes = "\n".join(f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
                          for name, port in zip(self.nodes, ports))
        self.configuration.write_text(CONFIGURATION.format(
            folder=self.folder, host=host, port=port, user=self._user(), socket=self.socket, cpus=self.cpus,
            array=self.array, nodes=nodes))

    @staticmethod
    def _user():
        return subprocess.run(["id", "-un"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def _start(self):
        for program in ("munged", "slurmctld", "slurmd", "sbatch"):
            if not shutil.which(program, path=PATH):
                raise ClusterError(f"{program} is not installed: scripts/setup.sh slurm")
        self._daemon("munged", ["munged", "--foreground", "--force", f"--socket={self.socket}",
                                f"--key-file={self.folder}/munge.key", f"--pid-file={self.folder}/munged.pid",
                                f"--log-file={self.folder}/munged.log", f"--seed-file={self.folder}/munge.seed"])
        wait_for("munged answers", lambda: self._alive("munged") and self.socket.is_socket())
        self._daemon("slurmctld", ["slurmctld", "-D", "-f", self.configuration])
        for name in self.nodes:
            self.start_node(name)
        for name in self.nodes:
            self.wait_idle(name)

    def _daemon(self, name, command, **settings):
        with open(self.folder / f"{name}.out", "wb") as out:
            self.daemons[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder, start_new_session=True,
                env=dict(self.environment, **settings))

    def _alive(self, name):
        code = self.daemons[name].poll()
        if code is not None:
            said = (self.folder / f"{name}.out").read_text(errors="replace").strip().splitlines()
            raise ClusterError(f"{name} ended with {code}: {said[-1] if said else ''} ({self.folder}/{name}.log)")
        return True

    def _all_alive(self):
        return all(self._alive(name) for name in self.daemons)

    def client(self, *command):
        """(exit code, output) of a client of Slurm."""
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=LIMIT)
        return done.returncode, done.stdout.strip()

    def state(self, name):
        """The state of a node, as IDLE, MIXED+COMPLETING, DOWN*. What sinfo says of it may be old."""
        found = re.search(r"\bState=(\S+)", self.client("scontrol", "--oneliner", "show", "node", name)[1])
        return found[1] if found else ""

    def wait_idle(self, name):
        """Until a node that is up has nothing to do."""
        try:
            wait_for(f"{name} is idle", lambda: self._all_alive() and self.state(name) == "IDLE")
        except ClusterError as error:
            shown = self.client("scontrol", "--oneliner", "show", "node", name)[1]
            raise ClusterError(f"{error} ({self.folder}/slurmd_{name}.log), but {shown}") from None

    def start_node(self, name):
        self._daemon(name, ["slurmd", "-D", "-N", name, "-f", self.configuration], IF4_NODE=name)

    def kill_node(self, name):
        """What a power cut does: the daemon and every process of a job there are gone at once, and nobody is told."""
        daemon = self.daemons.pop(name)
        daemon.kill()
        daemon.wait()
        kill_all(self.mark, f"IF4_NODE={name}")
        kill_all(self.mark, f"SLURMD_NODENAME={name}")

    def jobs(self):
        """IDs of the processes that jobs run."""
        return [process for name in self.nodes for process in processes_with(self.mark, f"SLURMD_NODENAME={name}")]

    def stop(self):
        """Ends everything, in whatever state it is. Signals wait until it is done."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            for child in self.daemons.values():
                child.kill()
            for child in self.daemons.values():
                child.wait()
            self.daemons.clear()
            kill_all(self.mark)
            if self.socket_folder:
                shutil.rmtree(self.socket_folder, ignore_errors=True)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def run(command, environment):
    """The command's exit code. A signal goes on to the command, which may need the cluster to end in order."""
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        code = process.wait()
    except SystemExit as stopped:
        process.send_signal(stopped.code - 128)
        process.wait(timeout=LIMIT)
        raise
    return code if code >= 0 else 128 - code


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0], add_help=False)
    parser.add_argument("folder")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()

    def stopped(number, _):
        sys.exit(128 + number)
    for number in SIGNALS:
        signal.signal(number, stopped)
    try:
        with Cluster(arguments.folder, arguments.nodes, arguments.cpus) as cluster:
            return run(arguments.command, cluster.environment)
    except (ClusterError, OSError) as error:
        print(f"cluster.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
