"""A cluster of one machine: what sbatch, srun and scontrol do to our scripts, as far as they notice.

Called as ``fake_slurm.py sbatch|srun|scontrol ARGUMENTS``. The folder ``$FAKE_SLURM`` holds job ids, a line of JSON for
each job, and marks of jobs to be requeued. Jobs run while they are submitted. With ``$FAKE_SLURM_PREEMPT=TASK:FILE``,
that task's script gets SIGUSR1 as soon as FILE is there, and a copy of FILE is kept.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def directives(script: str) -> dict[str, str]:
    """Read #SBATCH lines as SLURM does: up to the first command, and with quotes and backslashes of its own kind."""
    found = {}
    for line in script.splitlines():
        if line and not line.startswith("#"):
            break
        if line.startswith("#SBATCH "):
            name, _, value = unquoted(line.removeprefix("#SBATCH ")).partition("=")
            found[name.removeprefix("--")] = value
    return found


def unquoted(text: str) -> str:
    """Take one argument from a line; see get_argument in SLURM's src/sbatch/opt.c."""
    argument, quote, escaped = "", "", False
    for letter in text:
        if escaped:
            argument, escaped = argument + letter, False
        elif letter == "\\":
            escaped = True
        elif letter == quote:
            quote = ""
        elif not quote and letter in "\"'":
            quote = letter
        elif not quote and (letter.isspace() or letter == "#"):
            raise SystemExit(f"sbatch: error: more than one argument in {text!r}")
        else:
            argument += letter
    return argument


def sbatch(arguments: list[str], home: Path) -> int:
    """Run a job, all tasks of its array, again as long as it is requeued."""
    options = [argument for argument in arguments if argument.startswith("--")]
    script = Path(arguments[-1])
    told = directives(script.read_text())
    jobs = [json.loads(line) for line in (home / "jobs").read_text().splitlines()] if (home / "jobs").exists() else []
    needed = [option.partition("afterok:")[2] for option in options if "afterok:" in option]
    if any(job["id"] in needed and any(job["status"]) for job in jobs):
        sys.stderr.write("sbatch: error: Batch job submission failed: Job dependency problem\n")
        return 1
    number = str(100 + len(jobs))
    first, last, at_once = map(int, re.fullmatch(r"(\d+)-(\d+)%(\d+)", told.get("array", "0-0%1")).groups())  # type: ignore[union-attr]
    with ThreadPoolExecutor(at_once) as pool:
        status = list(pool.map(lambda task: run_task(script, told, number, task, home), range(first, last + 1)))
    with (home / "jobs").open("a") as file:
        file.write(
            json.dumps({"id": number, "script": script.name, "told": told, "status": status, "by": options}) + "\n"
        )
    print(f"{number};fake")
    return 0


def run_task(script: Path, told: dict[str, str], number: str, task: int, home: Path) -> int:
    places = {"A": number, "a": str(task), "j": number, "%": "%"}
    log = re.sub("%([Aaj%])", lambda found: places[found[1]], told["output"])
    environment = os.environ | {
        "SLURM_JOB_ID": number + str(task),
        "SLURM_ARRAY_JOB_ID": number,
        "SLURM_ARRAY_TASK_ID": str(task),
        "SLURM_NNODES": told["nodes"],
        "SLURM_NTASKS_PER_NODE": told.get("ntasks-per-node", "1"),
        "SLURM_NTASKS": str(int(told["nodes"]) * int(told.get("ntasks-per-node", "1"))),
        "SLURM_CPUS_PER_TASK": told["cpus-per-task"],
    }
    for restart in range(5):
        mark = home / f"requeue-{number}_{task}"
        mark.unlink(missing_ok=True)
        with Path(log).open(f"{told['open-mode'][0]}b") as file:
            child = subprocess.Popen(
                ["bash", str(script)],
                env=environment | {"SLURM_RESTART_COUNT": str(restart)},
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        chosen, _, watched = os.environ.get("FAKE_SLURM_PREEMPT", "").partition(":")
        if chosen == str(task) and restart == 0 and told.get("signal") == "B:USR1@120":
            threading.Thread(target=preempt, args=(child, Path(watched), home)).start()
        status = child.wait()
        if not mark.exists():
            return status
    raise SystemExit("requeued for ever")


def preempt(child: "subprocess.Popen[bytes]", watched: Path, home: Path) -> None:
    """Tell the script alone that its time is nearly up, as B: says."""
    while child.poll() is None:
        if watched.exists():
            shutil.copy(watched, home / "preempted")
            child.send_signal(signal.SIGUSR1)
            return
        time.sleep(0.01)


def srun(arguments: list[str]) -> int:
    """Start a command once a task; forward SIGTERM; let no task outlive one that failed."""
    options = {}
    while arguments[0].startswith("--"):
        name, _, value = arguments.pop(0).partition("=")
        options[name] = value
    nodes = int(os.environ["SLURM_NNODES"])
    per_node = int(options.get("--ntasks-per-node", os.environ["SLURM_NTASKS_PER_NODE"]))
    step = {"SLURM_NTASKS_PER_NODE": per_node, "SLURM_NODELIST": "localhost", "MASTER_ADDR": "127.0.0.1"}
    step |= dict.fromkeys(("SLURM_NTASKS", "SLURM_STEP_NUM_TASKS"), nodes * per_node)
    children = []
    signal.signal(signal.SIGTERM, lambda *_: [child.terminate() for child in children])
    for rank in range(nodes * per_node):
        own = {"SLURM_PROCID": rank, "SLURM_LOCALID": rank % per_node, "SLURM_NODEID": rank // per_node}
        environment = os.environ | {name: str(value) for name, value in (step | own).items()}
        children.append(subprocess.Popen(arguments, env=environment))
    while None in [child.poll() for child in children]:
        time.sleep(0.01)
        if options.get("--kill-on-bad-exit") == "1" and any(child.poll() for child in children):
            for child in children:
                child.terminate()
    return max(abs(child.returncode) for child in children)


def scontrol(arguments: list[str], home: Path) -> int:
    verb, job = arguments
    assert verb == "requeue"
    (home / f"requeue-{job}").touch()
    return 0


if __name__ == "__main__":
    program, words, folder = sys.argv[1], sys.argv[2:], Path(os.environ["FAKE_SLURM"])
    sys.exit(srun(words) if program == "srun" else {"sbatch": sbatch, "scontrol": scontrol}[program](words, folder))
