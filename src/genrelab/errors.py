"""The errors that a person meets: one clear sentence each, no traceback on the command line."""


class GenrelabError(Exception):
    """Something the user can mend. The message says what happened, to which file or key, and what to do."""


class Terminated(SystemExit):
    """SIGTERM or SIGHUP, where the command line hears it: the program ends as after Ctrl-C, with a status of its own.

    Parameters
    ----------
    number
        The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)  # what shells give for a program that it ended


class GenrelabWarning(UserWarning):
    """Something worth knowing that does not keep the work from going on."""


def printable(text: object) -> str:
    """Return `text` with every character escaped that a terminal, a log or a UTF-8 file could choke on.

    File names may hold line breaks, terminal commands and bytes that are not UTF-8 (Python's lone surrogates).
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def one_line(error: object) -> str:
    """Return what another library says, which may run over many lines, as one."""
    return " ".join(str(error).split())


class AudioError(GenrelabError):
    """A sound file that cannot be used.

    Parameters
    ----------
    path
        The file.
    reason
        Why, in a few words, e.g. ``"empty file"``; the message is ``"<path>: <reason>"``.
    """

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{printable(path)}: {reason}")
        self.path = str(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type["AudioError"], tuple[str, str]]:
        """Rebuild from both arguments, so that the error survives the way back from a worker process."""
        return AudioError, (self.path, self.reason)


class CorpusError(GenrelabError):
    """A corpus that is missing, damaged or contradicts itself."""


class LeakError(CorpusError):
    """A split that shares tracks, artists or near-duplicate audio between its parts."""


class RecipeError(GenrelabError):
    """A recipe with an unknown key, a wrong type or an impossible combination."""


class RunError(GenrelabError):
    """A run folder, a predictions table or a device that is not what was asked for."""


class BundleError(GenrelabError):
    """A file that is not a genrelab bundle, or a bundle this version cannot use."""


class BackboneError(GenrelabError):
    """A pretrained network that is missing, damaged or not the published one."""
