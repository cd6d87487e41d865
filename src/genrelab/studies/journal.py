"""A tuning's journal: one file that several processes and machines append to, one line at a time."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.study import StudyDirection

from genrelab.errors import RunError
from genrelab.locks import claimed

PATIENCE = 30.0  # seconds; a line is written in milliseconds


class JournalLock(BaseJournalFileLock):
    """Optuna's lock by what the system locks: unlike Optuna's own, a killed process does not leave it behind.

    Parameters
    ----------
    journal
        The file that is written.
    path
        The lock's file.
    """

    def __init__(self, journal: Path, path: Path) -> None:
        self._journal, self._path = journal, path
        self._held = ExitStack()

    def acquire(self) -> bool:
        """Wait for the lock.

        Raises
        ------
        RunError
            Another process does not let go of it.
        """
        until = time.monotonic() + PATIENCE
        while True:
            with ExitStack() as trying:
                if trying.enter_context(claimed(self._path)):
                    self._held = trying.pop_all()
                    return True
            if time.monotonic() > until:
                raise RunError(
                    f"{self._journal}: another process has locked it ({self._path}) for {PATIENCE:.0f} seconds; "
                    "stop that process, or choose another --journal"
                )
            time.sleep(0.02)

    def release(self) -> None:
        """Let go."""
        self._held.close()


def locks_folder(journal: Path) -> Path:
    """Return the folder of the locks of a journal and its trials."""
    return journal.parent / f".{journal.name}-locks"


def open_study(journal: Path, name: str, larger_is_better: bool, identity: dict[str, Any]) -> optuna.Study:
    """Open a study in a journal, or begin it.

    Parameters
    ----------
    journal
        The file; it is made if need be.
    name
        The study's name: a journal may hold several.
    larger_is_better
        Of the objective.
    identity
        Plain values that all who work on this study must agree on.

    Raises
    ------
    RunError
        The file is no journal, is locked, or holds a study of this name and another identity.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalLock(journal, locks_folder(journal) / "journal")
    lock.acquire()
    try:
        _mend(journal)
    finally:
        lock.release()
    try:
        storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=lock))
    except (ValueError, KeyError) as error:
        raise RunError(f"{journal}: is damaged ({error}); choose another --journal and --output") from None
    direction = StudyDirection.MAXIMIZE if larger_is_better else StudyDirection.MINIMIZE
    with claimed(locks_folder(journal) / "ask", wait=True):  # nobody shall see a study without its identity
        study = optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
        if "identity" not in study.user_attrs:
            study.set_user_attr("identity", identity)
    other = study.user_attrs["identity"]
    if other != identity:
        odd = ", ".join(key for key in identity if other.get(key) != identity[key])
        raise RunError(
            f"{journal}: holds a tuning {name!r} with another {odd}; choose another --journal or another --study"
        )
    return study


def _mend(journal: Path) -> None:
    """Cut off the half line that a process left which was killed while it wrote.

    Raises
    ------
    RunError
        The file is something else than a journal.
    """
    if not journal.is_file():
        return
    with journal.open("rb+") as file:
        content = file.read()
        if content and not content.startswith(b'{"op_code":'):
            raise RunError(f"{journal}: is no journal of a tuning; choose another --journal")
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)
            os.fsync(file.fileno())
