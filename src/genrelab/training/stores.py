"""What a recipe's network takes of a corpus, made if need be and kept: samples, examples, augmented examples."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress

from genrelab.audio.store import SampleStore
from genrelab.augment import WaveformAugmentation
from genrelab.corpora.corpus import Corpus
from genrelab.errors import CorpusError, RecipeError
from genrelab.files import cache_folder
from genrelab.frontends import FRONTENDS, FrontEnd
from genrelab.networks import NETWORKS
from genrelab.networks.heads import Head
from genrelab.training.examples import ExampleSource, ExampleStore, given_sources, sound_sources
from genrelab.training.feed import Store
from genrelab.training.recipe import Recipe, build_augmentation


def recipe_frontend(recipe: Recipe) -> FrontEnd:
    """Build a recipe's front end."""
    return FRONTENDS[recipe.frontend.kind](sample_rate=recipe.audio.sample_rate, **recipe.frontend.options)


def open_store(
    recipe: Recipe,
    corpus: Corpus,
    folder: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> tuple[Store, Corpus]:
    """Return a corpus' samples, or the examples that the recipe's front end takes, and the corpus without bad clips.

    Both are made if need be, and kept.

    Parameters
    ----------
    recipe
        Says the sample rate and the front end.
    corpus
        Its clips.
    folder
        Where stores lie; None for the user's cache.
    jobs
        Threads that decode; None for one a core.
    progress
        Where to draw progress; None for silence.

    Raises
    ------
    RecipeError
        The corpus does not hold what the front end takes.
    CorpusError
        No clip can be read.
    """
    front = recipe_frontend(recipe)
    extractor = front.extractor()
    if extractor is None and corpus.holds != "sound":
        raise RecipeError(
            f"{corpus.name} holds {corpus.holds}, and the front end {recipe.frontend.kind!r} takes sound; "
            "choose the front end picture, handcrafted or joint, or a corpus of sound, such as the folder "
            "genres_original of Kaggle's GTZAN"
        )
    store: Store
    if corpus.holds == "sound":
        store = sound = _open_sound(recipe, corpus, folder, jobs, progress)
    if extractor is not None and front.extraction is not None:
        if corpus.holds == "sound":
            sources = list(sound_sources(sound, extractor, recipe.window_samples, recipe.hop_samples))
        else:
            sources = list(given_sources(corpus, front.extraction))
        store = _open_examples(recipe, corpus, front, sources, folder, jobs, progress)
    readable = corpus.clips["clip"].isin(store.clips)
    if not readable.any():
        raise CorpusError(f"{corpus.name}: none of its {len(corpus.clips)} clips can be read; see {store.folder}")
    return store, replace(corpus, clips=corpus.clips[readable].reset_index(drop=True))


def open_views(
    recipe: Recipe,
    corpus: Corpus,
    folder: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> list[Store]:
    """Return the examples of the corpus' clips as a recipe augments them, a store for each of `train.views`.

    The parameters are those of `open_store`.

    Raises
    ------
    RecipeError
        The recipe's network is no head on examples of sound, or nothing of it augments sound.
    """
    augmentations = view_augmentations(recipe, corpus)
    if not augmentations:
        return []
    front = recipe_frontend(recipe)
    extractor = front.extractor()
    assert extractor is not None  # noqa: S101 (for the type checker)
    sound = _open_sound(recipe, corpus, folder, jobs, progress)
    cutting = recipe.window_samples, recipe.hop_samples
    sources = [
        list(sound_sources(sound, extractor, *cutting, augmentations, view)) for view in range(recipe.train.views)
    ]
    return [_open_examples(recipe, corpus, front, one, folder, jobs, progress) for one in sources]


def view_augmentations(recipe: Recipe, corpus: Corpus) -> list[WaveformAugmentation]:
    """Return what makes a recipe's views, none where it asks for none.

    Raises
    ------
    RecipeError
        See `open_views`; or nothing would be augmented, or not the sound, as the recipe wants it to be.
    """
    front = recipe_frontend(recipe)
    is_head = issubclass(NETWORKS[recipe.network.kind], Head)
    made = [build_augmentation(choice, recipe.audio) for choice in recipe.augment]
    augmentations = [one for one in made if isinstance(one, WaveformAugmentation)]
    if not recipe.train.views:
        if is_head and made:
            raise RecipeError(
                "augment: a head learns from its clips once, as they are; leave augment out or, on a front end that "
                "keeps its examples, set train.views to how many augmented versions it shall learn from as well"
            )
        if augmentations and front.extraction is not None:
            raise RecipeError(
                f"augment.{augmentations[0].kind}: changes sound, and the front end {recipe.frontend.kind!r} learns "
                "from examples that are made of it beforehand; choose augmentations of features or batches"
            )
        return []
    if front.extraction is None or corpus.holds != "sound" or not is_head:
        raise RecipeError(
            "train.views: is for heads on a front end that keeps its examples, such as backbone, of sound"
        )
    if not augmentations or len(augmentations) < len(made):
        raise RecipeError("train.views: augment needs augmentations of sound, and no other, to make views with")
    return augmentations


def _open_sound(
    recipe: Recipe, corpus: Corpus, folder: Path | None, jobs: int | None, progress: Progress | None
) -> SampleStore:
    rate = recipe.audio.sample_rate
    digest = hashlib.sha256(repr(sorted(map(repr, corpus.sources))).encode()).hexdigest()[:8]
    place = _stores(folder) / f"{corpus.name}-{rate}-{digest}"
    return SampleStore.build(place, corpus.sources, rate, jobs=jobs, progress=progress, wait=True)


def _open_examples(
    recipe: Recipe,
    corpus: Corpus,
    front: FrontEnd,
    sources: Sequence[ExampleSource],
    folder: Path | None,
    jobs: int | None,
    progress: Progress | None,
) -> ExampleStore:
    extractor, extraction = front.extractor(), front.extraction
    assert extractor is not None and extraction is not None  # noqa: PT018, S101 (for the type checker)
    made_by = repr((extraction, recipe.audio.sample_rate, extractor.version))
    place = _stores(folder) / f"{corpus.name}-{extraction[0]}"
    return ExampleStore.build(place, sources, extractor, made_by, jobs, progress)


def _stores(folder: Path | None) -> Path:
    return cache_folder() / "stores" if folder is None else folder
