"""Recipes to job scripts for SLURM: one task of a job array for each fold of each run.

Three jobs follow one another: one decodes the sound and begins the run folders, an array trains, one compares. Recipes
are written beside the scripts, resolved, so that what is edited while jobs wait in the queue does not change them.
Every command goes on where it was stopped: a script can be submitted again at any time.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from genrelab.errors import GenrelabError, printable
from genrelab.files import write_text
from genrelab.training.recipe import Recipe, load_recipe

JOBS = ("prepare", "train", "compare")  # in the order in which they run
# What may stand in a script as it is, for the machine that runs it to fill in: $SLURM_TMPDIR, /local/$USER.
_PLACE = re.compile(r"(?:\$[A-Za-z_]\w*|[\w./-])+")


@dataclass(frozen=True)
class Cluster:
    """What the jobs ask of a cluster.

    Parameters
    ----------
    nodes, gpus_per_node
        What one fold is trained on: a process for each GPU, or for each node where there are none.
    cpus_per_task
        Processors for each process.
    mem, time, partition, account, qos, constraint
        As sbatch takes them; None leaves them to the cluster.
    at_once
        How many tasks of the array may run at the same time.
    requeue
        Whether a preempted job, or one near its time limit, goes back into the queue, and later on from its last epoch.
    modules
        Names for ``module load``.
    venv
        The environment with genrelab in it; None where the modules bring it.
    stores
        Folder of the decoded corpora; None for ``stores`` beside the scripts.
    scratch
        A node's own disk, to which `stores` is copied before training, e.g. ``$SLURM_TMPDIR``.
    """

    nodes: int = 1
    gpus_per_node: int = 0
    cpus_per_task: int = 4
    mem: str | None = None
    time: str | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    at_once: int = 4
    requeue: bool = True
    modules: Sequence[str] = ()
    venv: Path | None = None
    stores: Path | None = None
    scratch: str | None = None


def resolve(recipes: Sequence[str], protocols: Sequence[str], seeds: int, overrides: Sequence[str]) -> list[Recipe]:
    """Return each recipe with each protocol and with seeds 0 to `seeds` - 1.

    Parameters
    ----------
    recipes
        Names or files.
    protocols
        Of each; none leaves it to the recipe.
    seeds
        How many.
    overrides
        ``key=value`` for all of them.

    Raises
    ------
    RecipeError
        A recipe is unknown, wrong or an ensemble.
    """
    chosen = [[f"protocol.name={name}"] for name in protocols] or [[]]
    return [
        load_recipe(recipe, [*overrides, *protocol, f"seed={seed}"])
        for recipe in recipes
        for protocol in chosen
        for seed in range(seeds)
    ]


def write_jobs(folder: Path, recipes: Sequence[Recipe], cluster: Cluster, train_options: Sequence[str] = ()) -> int:
    """Write the job scripts ``prepare.sbatch`` and ``train.sbatch``, for several runs ``compare.sbatch``, and recipes.

    Parameters
    ----------
    folder
        Where to; ``runs``, ``logs`` and, if need be, ``stores`` are made in it.
    recipes
        One a run.
    cluster
        What to ask for.
    train_options
        Further words for ``genrelab train``.

    Returns
    -------
    int
        How many tasks the array has.

    Raises
    ------
    GenrelabError
        Two recipes would share a run folder, or something cannot be said in a script.
    """
    folder = folder.absolute()
    if re.search(r"[\\\n]", str(folder)):  # sbatch gives them a meaning that no quotes take away
        raise GenrelabError(f"{printable(folder)}: SLURM cannot write logs into such a folder; choose another --output")
    if cluster.scratch is not None and not _PLACE.fullmatch(cluster.scratch):
        raise GenrelabError(f"--scratch {cluster.scratch!r}: give a path of letters, digits and $VARIABLES")
    names = [f"{recipe.name}-{recipe.protocol.name}-{recipe.seed}".replace("/", "-") for recipe in recipes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise GenrelabError(f"two recipes would train in one run folder, {twice}; give one of them another name")
    for name, recipe in zip(names, recipes, strict=True):
        write_text(folder / "recipes" / f"{name}.yaml", recipe.to_yaml())
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "compare.sbatch").unlink(missing_ok=True)  # of a time when there were more
    tasks = list(_tasks(names, recipes))
    values = {
        "here": Path.cwd(),
        "folder": folder,
        "stores": (cluster.stores or folder / "stores").absolute(),
        "names": names,
        "tasks": tasks,
        "cluster": cluster,
        "processes": max(1, cluster.gpus_per_node),
        "train_options": list(train_options),
    }
    environment = Environment(  # noqa: S701 (shell scripts, not pages: the filters quote what goes into them)
        loader=PackageLoader("genrelab.cluster"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"shell": lambda value: shlex.quote(str(value)), "directive": _directive}
    for job in JOBS if len(recipes) > 1 else JOBS[:-1]:
        text = environment.get_template(f"{job}.sbatch").render(values)
        write_text(folder / f"{job}.sbatch", text.rstrip() + "\n")
    return len(tasks)


def submit(folder: Path) -> dict[str, str]:
    """Submit the scripts in a folder, each to begin when the one before it has ended well; return their job ids.

    Raises
    ------
    GenrelabError
        There is no sbatch here, or it refuses a script.
    """
    if shutil.which("sbatch") is None:
        raise GenrelabError(
            "--submit: there is no sbatch on this machine's PATH; "
            f"the job scripts are in {printable(folder)}, run the same command on a login node of the cluster"
        )
    ids: dict[str, str] = {}
    for job in (job for job in JOBS if (folder / f"{job}.sbatch").is_file()):
        after = [f"--dependency=afterok:{list(ids.values())[-1]}", "--kill-on-invalid-dep=yes"] if ids else []
        command = ["sbatch", "--parsable", *after, str(folder.absolute() / f"{job}.sbatch")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (no shell)
        if done.returncode != 0:
            reason = printable(" ".join(done.stderr.split())) or f"exit status {done.returncode}"
            before = f" (jobs {', '.join(ids.values())} are in the queue)" if ids else ""
            raise GenrelabError(f"{printable(folder / job)}.sbatch: sbatch refused it: {reason}{before}")
        ids[job] = done.stdout.strip().partition(";")[0]  # on a federation, the cluster's name follows
    return ids


def own_environment() -> Path | None:
    """Return the virtual or conda environment that this program runs in; None for the system's Python."""
    prefix = Path(sys.prefix)
    return prefix if sys.prefix != sys.base_prefix or (prefix / "conda-meta").is_dir() else None


def _tasks(names: Sequence[str], recipes: Sequence[Recipe]) -> Iterator[tuple[str, int]]:
    """Yield run and fold of each task of the array; first folds first, so that a mistake shows early in every run."""
    for fold in range(max(recipe.protocol.folds for recipe in recipes)):
        for name, recipe in zip(names, recipes, strict=True):
            if fold < recipe.protocol.folds:
                yield name, fold


def _directive(value: object) -> str:
    r"""Quote a value for an #SBATCH line, in which, unlike in a shell, \ escapes within any quotes."""
    text = str(value)
    if "\n" in text:
        raise GenrelabError(f"{printable(text)}: a job script's header cannot hold a line break")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
