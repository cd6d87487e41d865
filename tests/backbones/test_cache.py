"""What is fetched twice at a time is written once after another."""

from pathlib import Path
from threading import Thread

from genrelab.backbones.cache import writing


def test_what_another_process_is_writing_stays_until_it_is_done(tmp_path: Path) -> None:
    half = tmp_path / "new" / ".genrelab-0000.onnx"

    def write() -> None:
        with writing(half.parent):
            pass

    with writing(half.parent):
        other = Thread(target=write)
        other.start()
        half.write_bytes(b"half")
        other.join(0.3)
        assert half.exists()
        assert other.is_alive()
    other.join(10)
    assert not other.is_alive()
    assert not half.exists()
