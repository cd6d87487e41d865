"""What the original TensorFlow graphs say of the synthesised clip: makes `golden.npz`, once.

In an environment of its own: pip install tensorflow-cpu librosa; python original.py musicnn-0.1.0-py3-none-any.whl
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import librosa
import numpy as np
import tensorflow as tf
from clip import SAMPLE_RATE, synthesise

NETWORKS = ("MSD_musicnn", "MTT_musicnn", "MSD_vgg", "MTT_vgg")


def main(wheel: str) -> None:
    """Write logits and embedding of every network."""
    power = librosa.feature.melspectrogram(y=synthesise(), sr=SAMPLE_RATE, n_fft=512, hop_length=256, n_mels=96)
    patch = np.log10(10000 * power.T + 1).astype(np.float32)[None]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(wheel).extractall(folder)
        for name in NETWORKS:
            found |= {f"{name}_{key}": values for key, values in said(Path(folder) / "musicnn" / name, patch).items()}
    np.savez(Path(__file__).with_name("golden.npz"), **found)
    print({key: (values.shape, float(np.abs(values).max())) for key, values in found.items()})


def said(folder: Path, patch: np.ndarray) -> dict[str, np.ndarray]:
    """Run the graph that the checkpoint's own .meta file holds, not one built by the published code."""
    meta = tf.compat.v1.MetaGraphDef.FromString((folder / ".meta").read_bytes())
    dense = "model/dense_1" if "musicnn" in folder.name else "model/dense"
    # Without the gradients, which a later TensorFlow does not import.
    whole = tf.compat.v1.graph_util.extract_sub_graph(meta.graph_def, [f"{dense}/BiasAdd", "save/restore_all"])
    for node in whole.node:
        node.attr.pop("_output_shapes", None)
        if node.op == "MaxPool":
            print(folder.name, node.name, *(list(node.attr[key].list.i) for key in ("ksize", "strides")))
    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        tf.import_graph_def(whole, name="")
        session.run("save/restore_all", {"save/Const:0": f"{folder}/"})
        embedding = graph.get_operation_by_name(f"{dense}/MatMul").inputs[0]
        inputs = [op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"]
        feed = {value: False if value.dtype == tf.bool else patch for value in inputs}
        logits, embedded = session.run([f"{dense}/BiasAdd:0", embedding], feed)
    return {"logits": logits[0], "embedding": embedded[0]}


if __name__ == "__main__":
    main(sys.argv[1])
