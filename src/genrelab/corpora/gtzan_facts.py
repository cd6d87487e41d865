"""What others found out about GTZAN: its published split and its faults.

Sources
-------
.. [1] C. Kereliuk, B. L. Sturm, J. Larsen: Deep Learning and Music Adversaries. IEEE Trans. Multimedia 17(11), 2015,
   doi:10.1109/TMM.2015.2478068, arXiv:1507.04761. The fault-filtered partition of 443, 197 and 290 clips.
.. [2] B. L. Sturm: The GTZAN dataset: Its contents, its faults, their effects on evaluation, and its future use. 2013,
   arXiv:1306.1461. The index of artists and titles, and the catalogue of repeats and distortions.
"""

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")

# Source [1], as ranges of clip numbers.
_PARTS = {
    "train": {
        "blues": "29-49 73-97",
        "classical": "30-33 43-48 50-67 80-99",
        "country": "19-26 28-29 65-99",
        "disco": "5 15-20 22-37 39-45 47 49 53-54 56-57 59 61 70 73-74 89",
        "hiphop": "2-25 28-29 31-38 41-42 55-61 77-80",
        "jazz": "0-1 11-24 41 47-72",
        "metal": "2-3 5 21 24 35 46-57 59-66 69 71-72 79-80 84 86 89-99",
        "pop": "2-9 11-12 16-20 23-29 31-36 38-42 44 46 49-50 80 97-99",
        "reggae": "0-2 4 6 9 11-12 14-32 42-45 49-51 54-60 63 69",
        "rock": "0-9 16-26 57-70 91-99",
    },
    "validation": {
        "blues": "0-11 50-60",
        "classical": "0-10 68-76",
        "country": "0-7 9-18 27 41-42 45 49",
        "disco": "0 2-4 6-14 46 48 52 67-68 72 75 90 95",
        "hiphop": "81-98",
        "jazz": "2-10 25-32",
        "metal": "0-1 6-11 16-20 36-37 68 76-77 81-82",
        "pop": "10 53 55 58-62 81 83-86",
        "reggae": "61-62 70 72 74 76-78 85 92-99",
        "rock": "38 49-56 71-85",
    },
    "test": {
        "blues": "12-28 61-72 98-99",
        "classical": "11-29 34-41 49 77-79",
        "country": "30-40 43-44 46-48 50-51 53-64",
        "disco": "1 21 58 62-66 69 76-88 91-94 96-97 99",
        "hiphop": "0 26-27 30 40 43-45 51-54 62-75 99",
        "jazz": "73-99",
        "metal": "12-15 22-23 25-33 38-39 67 70 73-75 78 83 85 87-88",
        "pop": "0-1 13-14 43 63-66 69-79 82 88-96",
        "reggae": "34-40 46-48 52-53 64-68 71 79 82-84 87-90",
        "rock": "10-15 27-37 39-48 86-90",
    },
}

# Clips that many copies of GTZAN hold in a form that no decoder reads. Left out where that is so, without complaint.
UNREADABLE = {"jazz.00054": "its header is damaged in the usual copies"}

# Source [2]: the rest of the excerpt is of no use, though every decoder reads it.
DISTORTED = {"reggae.00086": "all but the first seconds is noise"}

# Source [2]: excerpts that are the same sound, clip for clip.
_REPEATS = {
    "disco": ((50, 51, 70), (55, 60, 89), (71, 74), (98, 99)),
    "hiphop": ((39, 45), (76, 78)),
    "jazz": (
        *((33, 51), (34, 53), (35, 55), (36, 58), (37, 60), (38, 62), (39, 65)),
        *((40, 67), (42, 68), (43, 69), (44, 70), (45, 71), (46, 72)),
    ),
    "metal": ((4, 13), (34, 94), (40, 61), (41, 62), (42, 63), (43, 64), (44, 65), (45, 66)),
    "pop": ((15, 22), (30, 31), (45, 46), (47, 80), (52, 57), (54, 60), (56, 59), (67, 71), (87, 90)),
    "reggae": (
        *((3, 54), (5, 56), (8, 57), (10, 60), (13, 58), (41, 69), (73, 74)),
        *((75, 91, 92), (80, 81, 82)),
    ),
}


def every_clip() -> list[str]:
    """Return the names of all clips that the published archive holds, 100 of each genre."""
    return [name(genre, number) for genre in GENRES for number in range(100)]


def published_parts() -> dict[str, str]:
    """Return the part ("train", "validation" or "test") of every clip of the fault-filtered partition [1]_."""
    return {
        name(genre, number): part
        for part, genres in _PARTS.items()
        for genre, ranges in genres.items()
        for number in _numbers(ranges)
    }


def repeats() -> dict[str, str]:
    """Return, for every clip that repeats an earlier one, the name of the first clip with the same sound [2]_."""
    return {
        name(genre, again): name(genre, first)
        for genre, sets in _REPEATS.items()
        for first, *others in sets
        for again in others
    }


def name(genre: str, number: int) -> str:
    """Return the name of a clip: ``jazz.00054``."""
    return f"{genre}.{number:05d}"


def _numbers(ranges: str) -> list[int]:
    numbers: list[int] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers
