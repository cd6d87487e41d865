"""The names of the output formats, apart from what writes them so that a verb's options load quickly."""

from enum import StrEnum


class Format(StrEnum):
    """How predictions are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
