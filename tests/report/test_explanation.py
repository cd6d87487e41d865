"""An explanation drawn, put into words and onto a page."""

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from genrelab.extractors.mel_scale import mel_to_hz
from genrelab.report.explanation import Layer, explanation_figure
from genrelab.report.explanation_page import costs, explanation_page, in_words, verdict
from genrelab.report.save import svg_text

ROWS, FRAMES = 40, 60
HERTZ = mel_to_hz(np.linspace(1, 44, ROWS))
TIMES = np.arange(FRAMES) * 0.05
SAID = {"blues": 0.55, "jazz": 0.25, "rock": 0.1, "pop": 0.06, "metal": 0.03, "disco": 0.01}


def sound() -> Layer:
    rows, frames = np.mgrid[:ROWS, :FRAMES]
    return Layer("The sound", -1.2 * rows + 8 * np.sin(frames / 3) - 10, HERTZ, TIMES)


def bump(frequencies: np.ndarray | None = HERTZ) -> Layer:
    rows, frames = np.mgrid[: 1 if frequencies is None else ROWS, :FRAMES]
    distance = (frames - 20) ** 2 / 50 + (0 if frequencies is None else (rows - 25) ** 2 / 30)
    values = np.exp(-distance) - 0.05
    return Layer("Occlusion", values, frequencies, TIMES, values > 0.5)


def test_golden_explanation_by_two_methods(check) -> None:
    check(explanation_figure(sound(), [bump(None), bump()], SAID, "blues"), "explanation")


def test_golden_explanation_by_one_method_for_an_improbable_genre(check) -> None:
    check(explanation_figure(sound(), [bump()], SAID, "disco", start=10.0), "explanation-one")


def test_golden_explanation_of_a_long_clip(check) -> None:
    long = [Layer(one.title, one.values, one.frequencies, 5 * TIMES, one.kept) for one in (sound(), bump(None))]
    check(explanation_figure(long[0], long[1:], SAID, "blues"), "explanation-long")


def test_axes_tell_hertz_and_seconds_of_the_file() -> None:
    axes = explanation_figure(sound(), [bump()], SAID, "blues", start=10.0).axes[0]
    assert axes.get_xlim() == pytest.approx((9.975, 12.975))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["250", "500", "1 k", "2 k", "4 k"]


@pytest.mark.parametrize("seconds", [3.0, 30.0])
@pytest.mark.parametrize("genre", ["Old-Time / Historic", "a genre whose name is longer than its music"])
def test_long_names_stay_within_the_figure(genre: str, seconds: float) -> None:
    layers = [sound(), *(replace(bump(), title=f"{method}, for {genre}") for method in ("Grad-CAM", "Occlusion"))]
    layers = [replace(layer, times=np.linspace(0, seconds, FRAMES)) for layer in layers]
    others = {f"{number}. {genre} and more": 0.1 for number in range(4)}
    figure = explanation_figure(layers[0], layers[1:], others | {genre: 0.2}, genre)
    svg_text(figure)  # lays it out
    figure.draw_without_rendering()  # at the figure's own resolution, in which the places below are told
    titles = [text for text in figure.findobj(Text) if text.get_text() and text.get_weight() == "bold"]
    for text in (*titles, *figure.axes[1].get_yticklabels()):
        ends = text.get_window_extent()
        assert ends.x0 >= figure.axes[0].bbox.x0, text
        assert ends.x1 <= figure.bbox.width, text
    assert figure.axes[0].get_position().width > 0.3


def test_the_genre_asked_about_is_always_among_the_bars() -> None:
    bars = explanation_figure(sound(), [bump()], SAID, "disco").axes[1]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["blues", "jazz", "rock", "pop", "disco"]


def test_a_map_with_nothing_in_it_can_be_drawn() -> None:
    empty = Layer("Grad-CAM", np.zeros((ROWS, FRAMES)), HERTZ, TIMES, np.zeros((ROWS, FRAMES), bool))
    assert isinstance(explanation_figure(sound(), [empty], SAID, "blues"), Figure)


def test_nothing_is_drawn_at_frequencies_that_the_network_does_not_hear() -> None:
    heard = HERTZ[5:30]
    everywhere = np.ones((len(heard), FRAMES))
    everywhere[:, -1] = 0  # or no line would be drawn
    layer = Layer("Grad-CAM", everywhere, heard, TIMES, everywhere > 0)
    axes = explanation_figure(sound(), [layer], SAID, "blues").axes[2]
    opaque = np.asarray(axes.images[1].get_array())[:, 0, 3] > 0
    rows = np.linspace(1, 44, len(opaque))  # on the mel scale
    step = 43 / (ROWS - 1)
    first, last = 1 + 5 * step, 1 + 29 * step
    assert opaque[(rows > first - 0.99 * step) & (rows < last + 0.99 * step)].all()
    assert not opaque[(rows < first - 1.01 * step) | (rows > last + 1.01 * step)].any()
    (line,) = axes.collections
    ends = [path.vertices[:, 1] for path in line.get_paths()]
    assert np.concatenate(ends).max() < last + 1.5 * step


def test_a_map_of_all_that_is_heard_reaches_the_edges() -> None:
    layer = Layer("Occlusion", np.ones((ROWS, FRAMES)), HERTZ, TIMES)
    axes = explanation_figure(sound(), [layer], SAID, "blues").axes[2]
    assert (np.asarray(axes.images[1].get_array())[..., 3] > 0).all()


def test_words_name_ranges_shares_and_moments() -> None:
    values = np.zeros((2, 60))
    values[0, 20:25] = 3.0
    values[1, 50:55] = 1.0
    said = in_words(values, np.array([100.0, 3000.0]), TIMES, "blues", start=10.0)
    assert "75 % lies in the bass (60 Hz to 250 Hz: bass lines, kick drums), which is 50 % of the map" in said
    assert "25 % lies in the upper mids" in said
    assert said.endswith("It speaks loudest around 11.1 s.")


def test_words_of_a_map_of_times_name_no_frequencies() -> None:
    layer = bump(None)
    said = in_words(layer.values, None, TIMES, "blues")
    assert "%" not in said
    assert said == "It speaks loudest around 1.0 s."


def test_words_of_an_empty_map_say_so() -> None:
    assert in_words(np.full((2, 60), -1.0), None, TIMES, "blues") == "Nothing here speaks for blues."


def facts(**changes: object) -> dict[str, object]:
    probability = {"kept": 0.4, "left_out": 0.1, "hidden": 0.2}
    listening = {"method": "occlusion", "keep": 0.25, "kept_share": 0.25, "probability": probability}
    listening |= {"random_parts": 8, "probability_random": dict.fromkeys(probability, 0.5), "random_as_good": 0}
    found = {"layer": "blocks.3.conv", "over": "time", "words": "It speaks loudest around 1.0 s."}
    known = {"file": "<my> song.flac", "start": 0.0, "seconds": 2.5, "run": "a-run", "recipe": "fma-cnn", "corpus": "x"}
    known |= {"protocol": "artist-folds", "seed": 0, "fold": 1, "folds": 3, "leaks": [], "tested": True}
    known |= {"network": "cnn", "frontend": "mfcc", "genre": "blues", "probabilities": SAID, "agreement": 0.6}
    known |= {"methods": {"gradcam": found, "occlusion": found}, "refused": {}, "listening": listening}
    return known | changes


def page(sounds: dict[str, bytes] | None = None, **changes: object) -> str:
    three = {"whole": b"one", "kept": b"two", "left-out": b"three"}
    return explanation_page(facts(**changes), Figure(), sounds or three)


def test_the_page_names_recipe_run_protocol_and_fold_and_escapes_names() -> None:
    text = page()
    assert "fma-cnn, run a-run · artist-folds · fold 1 of 3" in text
    assert "&lt;my&gt; song.flac" in text
    assert "never learned from it" in text
    assert "None of 8 random parts left it as low" in text


@pytest.mark.parametrize(
    ("hidden", "random", "as_good", "said"),
    [
        (-0.2, -0.1, 0, "Yes"),
        (-0.2, -0.1, 1, "Rather"),
        (-0.1, -0.2, 7, "No more than on anything else"),
        (0.01, 0.04, 0, "No: hiding it costs the genre nothing"),
        (0.0, 0.04, 0, "No: hiding it costs the genre nothing"),
    ],
)
def test_a_network_rests_on_what_it_misses(hidden: float, random: float, as_good: int, said: str) -> None:
    """`hidden` and `random` are what the genre's probability rises by."""
    own = SAID["blues"]
    listening = dict(facts()["listening"])  # type: ignore[call-overload]
    listening["probability"] = listening["probability"] | {"hidden": own + hidden}
    listening["probability_random"] = listening["probability_random"] | {"hidden": own + random}
    told = facts(listening=listening | {"random_as_good": as_good})
    assert verdict(told).startswith(said)
    assert costs(told) == (said == "Yes")
    assert f"<p>{said}" in page(listening=told["listening"])


def test_the_page_warns_of_leaks_and_of_maps_that_fail() -> None:
    listening = dict(facts()["listening"])  # type: ignore[call-overload]
    listening |= {"random_as_good": 6, "probability_random": {"kept": 0.5, "left_out": 0.1, "hidden": 0.1}}
    text = page(leaks=["shared artists"], listening=listening, tested=False)
    assert "leak into each other" in text
    assert "do not trust the map" in text
    assert "is not known" in text


def test_sounds_are_embedded_unless_they_are_large() -> None:
    assert page().count("data:audio/flac;base64,") == 3
    large = page({"whole": bytes(7_000_000), "kept": b"two", "left-out": b"three"})
    assert "data:audio" not in large
    assert 'src="kept.wav"' in large
    assert "loads nothing from elsewhere" in page()
    assert "loads nothing from elsewhere" not in large


def test_every_player_says_what_it_plays() -> None:
    players = re.findall(r'<audio [^>]*aria-label="([^"]*)"', page())
    assert players == ["the whole clip", "what is kept", "what is left out"]
