"""``genrelab slurm``: recipes to jobs on a cluster."""

from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.console import plain
from genrelab.cli.options import Data, overriding


def slurm(
    recipes: Annotated[list[str], typer.Argument(help="Recipe files or names, as for `genrelab train`.")],
    seeds: Annotated[int, typer.Option(min=1, help="Train each with the seeds 0 to N - 1.")] = 3,
    protocol: Annotated[
        list[str] | None, typer.Option(help="Train each under this protocol; repeatable. [default: the recipe's]")
    ] = None,
    folds: Annotated[int | None, typer.Option(min=1, help="Folds of each. [default: the recipe's]")] = None,
    data: Data = None,
    set_: Annotated[list[str] | None, overriding("every recipe")] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Machines that train one fold together.")] = 1,
    gpus_per_node: Annotated[int, typer.Option(min=0, help="GPUs of each, one process a GPU.")] = 0,
    cpus_per_task: Annotated[int, typer.Option(min=1, help="Processors of each process.")] = 4,
    mem: Annotated[str | None, typer.Option(help="Memory of each node, e.g. 16G.")] = None,
    time: Annotated[str | None, typer.Option(help="Time limit of a job, e.g. 04:00:00.")] = None,
    partition: Annotated[str | None, typer.Option()] = None,
    account: Annotated[str | None, typer.Option()] = None,
    qos: Annotated[str | None, typer.Option()] = None,
    constraint: Annotated[str | None, typer.Option(help="Features of the nodes, e.g. a100.")] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Tasks that may run at the same time.")] = 4,
    requeue: Annotated[
        bool, typer.Option(help="Go back into the queue when preempted or out of time, and on from the last epoch.")
    ] = True,
    modules: Annotated[str, typer.Option(help="Names for `module load`, e.g. 'python/3.11 cuda'.")] = "",
    venv: Annotated[Path | None, typer.Option(help="Environment with genrelab in it. [default: this one]")] = None,
    stores: Annotated[
        Path | None, typer.Option(help="Folder of decoded audio that all nodes see. [default: OUTPUT/stores]")
    ] = None,
    scratch: Annotated[
        str | None, typer.Option(help="A node's own disk to copy decoded audio to, e.g. '$SLURM_TMPDIR'.")
    ] = None,
    allow_leaks: Annotated[bool, typer.Option("--allow-leaks", help="As for `genrelab train`.")] = False,
    track: Annotated[list[str] | None, typer.Option(help="As for `genrelab train`.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of scripts, logs and runs; all nodes must see it.")
    ] = Path("slurm"),
    submit: Annotated[bool, typer.Option("--submit", help="Submit the jobs, too.")] = False,
) -> None:
    """Write SLURM job scripts that train recipes, a task for each fold of each seed, and compare them; submit them.

    The scripts name what they run and can be read, changed and submitted by hand, again and again.
    """
    from rich.console import Console

    from genrelab.cli.overrides import recipe_overrides
    from genrelab.cluster import slurm as jobs

    overrides = recipe_overrides(data, set_, **{"protocol.folds": folds})
    resolved = jobs.resolve(recipes, protocol or [], seeds, overrides)
    cluster = jobs.Cluster(
        nodes=nodes,
        gpus_per_node=gpus_per_node,
        cpus_per_task=cpus_per_task,
        mem=mem,
        time=time,
        partition=partition,
        account=account,
        qos=qos,
        constraint=constraint,
        at_once=at_once,
        requeue=requeue,
        modules=modules.split(),
        venv=venv or jobs.own_environment(),
        stores=stores,
        scratch=scratch,
    )
    options = ["--allow-leaks"] * allow_leaks + [word for name in track or [] for word in ("--track", name)]
    tasks = jobs.write_jobs(output, resolved, cluster, options)
    console = Console(highlight=False, soft_wrap=True)
    place = plain(output)
    console.print(f"{len(resolved)} run(s) in {tasks} task(s); the job scripts are in [bold]{place}[/]")
    if "wandb" in (track or []):
        console.print(
            f"W&B stays offline on the nodes; afterwards: wandb sync {place}/runs/*/fold-*/wandb/offline-run-*"
        )
    if submit:
        for job, number in jobs.submit(output).items():
            console.print(f"submitted {job}: {number}")
