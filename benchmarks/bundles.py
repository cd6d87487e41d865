"""What a window costs the default bundle and its two networks, against the teacher and what they descend from, whole.

python benchmarks/bundles.py    (after `genrelab backbone fetch` musicnn, yamnet and genrelab)
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from arguments import add_repeats, parser_of

from genrelab.backbones.musicnn import Tapped, frontend
from genrelab.backbones.teacher import load_original
from genrelab.bundles.export import Average, export_bundle
from genrelab.bundles.metadata import Metadata
from genrelab.bundles.session import TEACHER, default_bundle, open_bundle, teacher_bundle
from genrelab.errors import GenrelabError
from genrelab.extractors.backbone import OWN, SAMPLE_RATE, WINDOW, YAMNET, backbone_file

WINDOWS = 12


def main() -> None:
    """Print one table."""
    parser = parser_of(__doc__)
    add_repeats(parser, 9, "the least is told")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            networks = [Tapped(frontend(), load_original(name)) for name in ("MSD_musicnn", "MSD_vgg")]
            says = Metadata("whole", tuple(map(str, range(50))), SAMPLE_RATE, WINDOW, WINDOW)
            export_bundle([Average(networks)], says, Path(scratch) / "whole.onnx")
            paths = {"default": default_bundle(), TEACHER: teacher_bundle()}
            paths |= {name: backbone_file(name) for name in (*OWN, YAMNET)}
            paths["musicnn's two, whole"] = Path(scratch) / "whole.onnx"
            sessions = {name: open_bundle(path) for name, path in paths.items()}
        except GenrelabError as error:
            raise SystemExit(str(error)) from None
    rng = np.random.default_rng(0)
    least = dict.fromkeys(sessions, np.inf)
    for _ in range(repeats + 1):
        for name, (session, metadata) in sessions.items():
            windows = (0.1 * rng.standard_normal((WINDOWS, metadata.window))).astype(np.float32)
            begin = time.thread_time()
            session.run(None, {"waveform": windows})
            least[name] = min(least[name], (time.thread_time() - begin) / WINDOWS)
    print(f"{WINDOWS} windows at once, one thread, least processor time of {repeats} alternating repeats")
    for name, seconds in least.items():
        heard = sessions[name][1].window / sessions[name][1].sample_rate
        print(f"  {name:<22}{seconds * 1e3:7.2f} ms a window of {heard:.2f} s, {heard / seconds:6.0f} x real time")
    for name in [name for name in least if name != "default"]:
        print(f"  {name} / default {least[name] / least['default']:.1f}")


if __name__ == "__main__":
    main()
