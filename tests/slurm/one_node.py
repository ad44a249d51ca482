"""A real Slurm on one machine for tests: controller, node, accounting and GPUs that are clones of /dev/null.

    python tests/slurm/one_node.py install    # the Debian packages, by apt-get
    python tests/slurm/one_node.py up         # about 5 seconds
    python tests/slurm/one_node.py down       # everything stopped and removed

As root, on Debian, where no other Slurm is configured. No systemd, no cgroups. Partitions: cpu, gpu, and urgent, whose
jobs preempt those of the other two. State lies under /tmp/tailcutmix-slurm; the configuration must be /etc/slurm,
because Snakemake's executor takes SLURM_CONF from the environment of its job steps.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = {
    "slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client", "munged": "munge", "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server-core", "mariadb-install-db": "mariadb-server-core", "mariadb": "mariadb-client-core",
    "setpriv": "util-linux",
}  # fmt: skip
"""What must be installed, and the Debian package that holds it."""

STATE, CONFIG = Path("/tmp/tailcutmix-slurm"), Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf", "slurmdbd.conf")
MARK = "# written by tests/slurm/one_node.py\n"
GPUS, CPUS, MEMORY_MB = 2, 16, 20000
"""What the node claims to have; fewer real cores only make it slower."""

SLURM = f"""
ClusterName=tailcutmix
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
StateSaveLocation={STATE}/state
SlurmdSpoolDir={STATE}/spool
SlurmctldPidFile={STATE}/run/slurmctld.pid
SlurmdPidFile={STATE}/run/slurmd.pid
SlurmctldLogFile={STATE}/log/slurmctld.log
SlurmdLogFile={STATE}/log/slurmd.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=5
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
EnforcePartLimits=ALL
SlurmdParameters=config_overrides
ReturnToService=2
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16819
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
NodeName=localhost NodeAddr=127.0.0.1 CPUs={CPUS} RealMemory={MEMORY_MB} Gres=gpu:{GPUS} State=UNKNOWN
PartitionName=cpu Nodes=localhost Default=YES MaxTime=INFINITE PriorityTier=1
PartitionName=gpu Nodes=localhost MaxTime=INFINITE PriorityTier=1 GraceTime=5
PartitionName=urgent Nodes=localhost MaxTime=INFINITE PriorityTier=10
"""
GRES = f"NodeName=localhost Name=gpu File={STATE}/dev/gpu[0-{GPUS - 1}] Flags=nvidia_gpu_env\n"
ACCOUNTING = f"""
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=16819
SlurmUser=root
AuthType=auth/munge
LogFile={STATE}/log/slurmdbd.log
PidFile={STATE}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""


def obstacle() -> str | None:
    """Why no test cluster can be started here, in one line; None where it can."""
    if os.geteuid() != 0:
        return "a Slurm for tests needs root"
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if missing:
        return f"Slurm is not installed; as root: apt-get install {' '.join(missing)}"
    for name in FILES:
        if (CONFIG / name).exists() and not (CONFIG / name).read_text().startswith(MARK):
            return f"{CONFIG / name} belongs to another Slurm"
    return None


def install() -> None:
    """Debian's packages; their services are not started (no systemd here, or a policy that says so)."""
    packages = sorted(set(PROGRAMS.values()))
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def up() -> None:
    """Start everything and wait until the node takes jobs; what an earlier, killed test left is cleared first."""
    down()
    for name in ("state", "spool", "log", "run", "dev"):
        (STATE / name).mkdir(parents=True)
    STATE.chmod(0o755)
    _start_munge()
    _start_accounting()
    for index in range(GPUS):
        os.mknod(STATE / f"dev/gpu{index}", 0o20666, os.makedev(1, 3))
    _write("gres.conf", GRES)
    _write("slurm.conf", SLURM)
    for arguments in ("cluster tailcutmix", "account demo", "user root account=demo defaultaccount=demo"):
        _run("sacctmgr", "-i", "add", *arguments.split())
    _run("slurmctld", "-c")
    _wait("the controller", lambda: "UP" in _output("scontrol", "ping"))
    _run("slurmd", "-N", "localhost")
    _wait("the node", lambda: _output("sinfo", "-h", "-p", "cpu", "-o", "%T").strip() == "idle")


def down() -> None:
    """Stop what :func:`up` started, by the ids it noted, and whatever its jobs still run, and remove every file."""
    for name in ("slurmd", "slurmctld", "slurmdbd", "mariadbd", "munged"):
        path = STATE / f"run/{name}.pid"
        if path.exists() and path.read_text().strip():
            _end(int(path.read_text()))
    for pid in leftovers():  # jobs outlive the daemons
        _end(pid, seconds=0)
    for name in FILES:
        if (CONFIG / name).exists() and (CONFIG / name).read_text().startswith(MARK):
            (CONFIG / name).unlink()
    shutil.rmtree(STATE, ignore_errors=True)


def leftovers() -> list[int]:
    """Processes of this cluster's jobs, with the slurmstepd that holds each; known by what they inherited."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            step = (folder / "cmdline").read_bytes().startswith(b"slurmstepd: [")
        except OSError:  # ended meanwhile
            continue
        if step or b"SLURM_CLUSTER_NAME=tailcutmix" in environment:
            found.append(int(folder.name))
    return [pid for pid in found if _runs(pid)]


def _start_munge() -> None:
    def works() -> bool:
        return subprocess.run("munge -n | unmunge", shell=True, capture_output=True).returncode == 0

    if works():
        return
    for folder in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
        _run("install", "-d", "-o", "munge", "-g", "munge", "-m", "755", folder)
    _run("setpriv", "--reuid", "munge", "--regid", "munge", "--clear-groups", "munged")
    (STATE / "run/munged.pid").symlink_to("/run/munge/munged.pid")
    _wait("munge", works)


def _start_accounting() -> None:
    data, path = STATE / "database", STATE / "run/mariadb.sock"
    data.mkdir(mode=0o700)
    _run("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db",
         "--auth-root-authentication-method=normal", "--skip-name-resolve")  # fmt: skip
    server = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={path}",
              "--skip-networking", f"--pid-file={STATE}/run/mariadbd.pid", "--innodb-flush-log-at-trx-commit=0",
              f"--log-error={STATE}/log/mariadbd.log"]  # fmt: skip
    null = subprocess.DEVNULL
    subprocess.Popen(server, stdin=null, stdout=null, stderr=null, start_new_session=True)
    client = ["mariadb", "--no-defaults", "-S", str(path), "-e"]
    _wait("the database", lambda: subprocess.run([*client, "select 1"], capture_output=True).returncode == 0)
    _run(*client, "create database slurm_acct_db; create user slurm@localhost identified by 'slurm'; "
                  "grant all on slurm_acct_db.* to slurm@localhost")  # fmt: skip
    _write("slurmdbd.conf", ACCOUNTING, 0o600)  # slurmdbd reads no file that others can read
    _run("slurmdbd", environment={"MYSQL_UNIX_PORT": str(path)})
    _wait("the accounting", lambda: _listens(16819))


def _write(name: str, text: str, mode: int = 0o644) -> None:
    CONFIG.mkdir(exist_ok=True)
    (CONFIG / name).touch(mode)
    (CONFIG / name).write_text(MARK + text)


def _run(*command: str, environment: dict | None = None) -> None:
    with open(STATE / "log/commands.log", "a") as log:
        done = subprocess.run(command, env=os.environ | (environment or {}), stdout=log, stderr=log)
    if done.returncode:
        logs = (STATE / "log/commands.log", STATE / f"log/{command[0]}.log")
        last = "\n".join(path.read_text()[-1000:] for path in logs if path.exists())
        raise RuntimeError(f"{' '.join(command)} ended with code {done.returncode}:\n{last}")


def _output(*command: str) -> str:
    return subprocess.run(command, text=True, capture_output=True).stdout


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def _wait(what: str, ready: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not start within {seconds} s; logs are in {STATE}/log")
        time.sleep(0.1)


def _end(pid: int, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    try:
        os.kill(pid, signal.SIGTERM)
        while _runs(pid):
            if time.monotonic() >= end:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
    except ProcessLookupError:
        pass


def _runs(pid: int) -> bool:
    """False also for one that has ended and waits for a parent that never asks, as in many containers."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    chosen = {"install": install, "up": up, "down": down}.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if chosen is None:
        sys.exit(__doc__)
    if chosen is up and (reason := obstacle()):
        sys.exit(reason)
    chosen()
