"""The literature behind what a study used: facts only, one entry a method."""

from collections.abc import Iterable, Mapping
from typing import Any

# By what a recipe names (kind of corpus, front end, network, augmentation; a key of `train`), or what a report does.
LITERATURE = {
    "gtzan": "G. Tzanetakis and P. Cook: Musical genre classification of audio signals. IEEE Transactions on Speech "
    "and Audio Processing 10(5), 2002.",
    "gtzan faults": "B. L. Sturm: The GTZAN dataset: its contents, its faults, their effects on evaluation, and its "
    "future use. 2013, arXiv:1306.1461.",
    "fma": "M. Defferrard, K. Benzi, P. Vandergheynst and X. Bresson: FMA: a dataset for music analysis. ISMIR 2017, "
    "arXiv:1612.01840.",
    "artists": "A. Flexer: A closer look on artist filters for musical genre classification. ISMIR 2007.",
    "mel": "S. S. Stevens, J. Volkmann and E. B. Newman: A scale for the measurement of the psychological magnitude "
    "pitch. Journal of the Acoustical Society of America 8, 1937.",
    "mfcc": "S. Davis and P. Mermelstein: Comparison of parametric representations for monosyllabic word recognition "
    "in continuously spoken sentences. IEEE Transactions on Acoustics, Speech, and Signal Processing 28, 1980.",
    "contrast": "D.-N. Jiang, L. Lu, H.-J. Zhang, J.-H. Tao and L.-H. Cai: Music type classification by spectral "
    "contrast feature. ICME 2002.",
    "lstm": "S. Hochreiter and J. Schmidhuber: Long short-term memory. Neural Computation 9(8), 1997.",
    "gru": "K. Cho et al.: Learning phrase representations using RNN encoder-decoder for statistical machine "
    "translation. EMNLP 2014, arXiv:1406.1078.",
    "crnn": "K. Choi, G. Fazekas, M. Sandler and K. Cho: Convolutional recurrent neural networks for music "
    "classification. ICASSP 2017, arXiv:1609.04243.",
    "m5": "W. Dai, C. Dai, S. Qu, J. Li and S. Das: Very deep convolutional neural networks for raw waveforms. "
    "ICASSP 2017, arXiv:1610.00087.",
    "cnn-transformer": "A. Vaswani et al.: Attention is all you need. NeurIPS 2017, arXiv:1706.03762.",
    "batch norm": "S. Ioffe and C. Szegedy: Batch normalization: accelerating deep network training by reducing "
    "internal covariate shift. ICML 2015, arXiv:1502.03167.",
    "precise_batch_norm": "Y. Wu and J. Johnson: Rethinking \u201cbatch\u201d in BatchNorm. 2021, arXiv:2105.07576.",
    "spec-augment": "D. S. Park et al.: SpecAugment: a simple data augmentation method for automatic speech "
    "recognition. Interspeech 2019, arXiv:1904.08779.",
    "mixup": "H. Zhang, M. Cisse, Y. N. Dauphin and D. Lopez-Paz: mixup: beyond empirical risk minimization. ICLR "
    "2018, arXiv:1710.09412.",
    "cutmix": "S. Yun et al.: CutMix: regularization strategy to train strong classifiers with localizable features. "
    "ICCV 2019, arXiv:1905.04899.",
    "adam": "D. P. Kingma and J. Ba: Adam: a method for stochastic optimization. ICLR 2015, arXiv:1412.6980.",
    "adamw": "I. Loshchilov and F. Hutter: Decoupled weight decay regularization. ICLR 2019, arXiv:1711.05101.",
    "one-cycle": "L. N. Smith and N. Topin: Super-convergence: very fast training of neural networks using large "
    "learning rates. 2017, arXiv:1708.07120.",
    "cosine": "I. Loshchilov and F. Hutter: SGDR: stochastic gradient descent with warm restarts. ICLR 2017, "
    "arXiv:1608.03983.",
    "label_smoothing": "C. Szegedy et al.: Rethinking the Inception architecture for computer vision. CVPR 2016, "
    "arXiv:1512.00567.",
    "stack of models": "D. H. Wolpert: Stacked generalization. Neural Networks 5(2), 1992.",
    "bootstrap": "A. C. Davison and D. V. Hinkley: Bootstrap methods and their application. Cambridge University "
    "Press, 1997 (intervals, by drawing tracks anew).",
    "permutation": "P. Good: Permutation, parametric and bootstrap tests of hypotheses. Springer, 2005 (p-values).",
    "holm": "S. Holm: A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6, "
    "1979 (correction for the number of comparisons).",
    "calibration": "C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger: On calibration of modern neural networks. ICML "
    "2017, arXiv:1706.04599 (calibration error).",
    "gradcam": "R. R. Selvaraju et al.: Grad-CAM: visual explanations from deep networks via gradient-based "
    "localization. ICCV 2017, arXiv:1610.02391.",
    "occlusion": "M. D. Zeiler and R. Fergus: Visualizing and understanding convolutional networks. ECCV 2014, "
    "arXiv:1311.2901.",
    "t-sne": "L. van der Maaten and G. Hinton: Visualizing data using t-SNE. Journal of Machine Learning Research 9, "
    "2008.",
    "umap": "L. McInnes, J. Healy and J. Melville: UMAP: uniform manifold approximation and projection for dimension "
    "reduction. 2018, arXiv:1802.03426.",
    "tuning": "T. Akiba, S. Sano, T. Yanase, T. Ohta and M. Koyama: Optuna: a next-generation hyperparameter "
    "optimization framework. KDD 2019, arXiv:1907.10902.",
}


def references(recipes: Iterable[Mapping[str, Any]], corpora: Iterable[str], used: Iterable[str]) -> list[str]:
    """Return what to cite, in the alphabetical order of the first authors' surnames.

    Parameters
    ----------
    recipes
        Resolved recipes; an ensemble's names its rule alone.
    corpora
        Names of the corpora.
    used
        Further keys of `LITERATURE`; those that it does not hold are passed over.
    """
    keys = set(used)
    for corpus in corpora:
        keys |= {"gtzan", "gtzan faults"} if corpus.startswith("gtzan") else {corpus.partition("-")[0]}
    for recipe in recipes:
        keys |= _keys(recipe)
    found = {LITERATURE[key] for key in keys if key in LITERATURE}
    return sorted(found, key=_surname)


def _surname(entry: str) -> str:
    first = entry.partition(":")[0].removesuffix(" et al.")
    return first.split(",")[0].split(" and ")[0].split(". ")[-1].lower()


def _keys(recipe: Mapping[str, Any]) -> set[str]:
    if "ensemble" in recipe:
        return {"stack of models"} if recipe["ensemble"].get("rule") == "stack" else set()
    network, train, front = recipe.get("network", {}), recipe.get("train", {}), recipe.get("frontend", {})
    kind = str(network.get("kind", ""))
    keys = {kind, str(front.get("kind", "")), str(train.get("optimizer", "")), str(train.get("schedule", ""))}
    keys |= {str(choice.get("kind", "")) for choice in recipe.get("augment") or ()}
    keys |= {key for key in ("label_smoothing", "precise_batch_norm") if train.get(key)}
    keys |= {str(part) for part in front.get("parts") or () if isinstance(part, str)}
    if "mfcc" in keys or "stack" in keys:
        keys.add("mel")
    if any(word in kind for word in ("cnn", "crnn", "m5")):
        keys.add("batch norm")
    cell = str(network.get("cell", ""))
    keys |= {cell} if cell else {"lstm"} if "lstm" in kind else {"gru"} if kind == "crnn" else set()
    return keys
