"""Pages: one file, nothing fetched, nothing injected, and what must stand together stands together."""

import base64
import re
from html.parser import HTMLParser

import pytest

from genrelab.evaluation.predictions import Predictions
from genrelab.report.page import confused_pairs
from genrelab.report.run import compare_runs, evaluate_run

VOID = {"meta", "link", "img", "br", "rect", "line"}


class Page(HTMLParser):
    """Checks that tags are closed in order; gathers what a browser would load, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.loads += [value for key, value in attrs if key in ("src", "href", "srcset", "data", "poster") and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words).replace("\u00a0", " "))


@pytest.fixture
def page(evaluated) -> Page:
    return Page((evaluated / "report.html").read_text(encoding="utf-8"))


def test_a_page_is_well_formed_and_loads_nothing(page) -> None:
    assert page.open == []
    assert all(link.startswith(("data:", "#")) for link in page.loads)
    assert sum(link.startswith("data:image/svg+xml;base64,") for link in page.loads) == 6


def test_the_pictures_are_those_of_the_figures_folder(evaluated, page) -> None:
    pictures = [link for link in page.loads if link.startswith("data:image")]
    decoded = {base64.b64decode(link.split(",")[1]) for link in pictures}
    assert decoded == {path.read_bytes() for path in (evaluated / "figures").glob("*.svg")}


def test_the_page_tells_what_it_must(page) -> None:
    for wanted in (
        "of 120 clips right (95 % interval",
        "artist-folds, 2 folds, seed 0",
        "No artist is on both sides",
        "12 tracks stand in training & test",
        "guessing blindly would be right in 10.0 %",
        "Most confused pairs",
        "Dividing the logits by a temperature of",
        "lr: 0.001 # <halved> & halved",
        "packages \u00b7 torch",
        "651 850 parameters. Trained in 41 min. Peak memory 1834 MB.",
    ):
        assert wanted in page.text, wanted


def test_a_run_without_leaks_has_no_banner(make_run, undrawn) -> None:
    folder = make_run()
    evaluate_run(folder)
    assert 'role="alert"' not in (folder / "report.html").read_text(encoding="utf-8")


def test_a_genre_without_clips_has_no_recall(make_run, undrawn) -> None:
    folder = make_run()
    predictions = Predictions.read(folder / "predictions.parquet")
    kept = (predictions.table["genre"] != "metal") | (predictions.table["split"] != "test")
    Predictions(predictions.table[kept].reset_index(drop=True), predictions.info).write(folder / "predictions.parquet")
    evaluate_run(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "tracks fall into 9 of 10 genres" in Page(text).text
    assert '<tr><th>metal</th><td class="n">0</td><td class="n">\u2013</td>' in text


@pytest.mark.parametrize(("genres", "beside"), [(16, 2), (17, 1)])
def test_curves_of_many_genres_stand_one_below_the_other(make_run, undrawn, genres: int, beside: int) -> None:
    folder = make_run(genres=tuple(f"genre {number}" for number in range(genres)))
    evaluate_run(folder)
    assert (folder / "report.html").read_text(encoding="utf-8").count('<div class="pair">') == beside


def test_every_column_that_is_headed_has_a_name(evaluated) -> None:
    assert not re.search(r"<th[^>]*></th>", (evaluated / "report.html").read_text(encoding="utf-8"))


def test_the_page_tells_what_the_corpus_lacks(make_run, undrawn) -> None:
    notes = ["2 clips are in no genre <and> left out"]
    folder = make_run(info={"notes": notes, "left_out": {"rock.00012": "empty file"}})
    evaluate_run(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    for wanted in ("Notes on the corpus", *notes, "1 clip was left out", "rock.00012: empty file"):
        assert wanted in page.text, wanted
    assert "left out</summary>" not in text


def test_a_long_list_of_what_the_corpus_lacks_is_folded(make_run, undrawn) -> None:
    folder = make_run(info={"left_out": {f"rock.{number:05}": "empty file" for number in range(6)}})
    evaluate_run(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<details><summary>6 clips were left out</summary>" in text
    assert Page(text).open == []
    assert "Notes on the corpus" not in text


def test_hostile_names_stay_text(make_run) -> None:
    evil = "<script>alert(1)</script>"
    folder = make_run(genres=(evil, "rock"), skill=0.2, info={"corpus": evil, "name": evil}, leaks=(evil,))
    evaluate_run(folder)
    compare_runs([folder, make_run("other", genres=(evil, "rock"))], folder / "compare.html")
    for name in ("report.html", "compare.html"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "<script" not in text
        assert evil in Page(text).text


def test_confused_pairs_stand_commonest_first_with_their_surest_clips(make_predictions) -> None:
    predictions = make_predictions().part("test")
    pairs = confused_pairs(predictions)
    counts = [pair["clips"] for pair in pairs]
    assert counts == sorted(counts, reverse=True)
    assert len(pairs) == 8
    first = pairs[0]
    table = predictions.table.assign(
        predicted=[predictions.genres[g] for g in predictions.predicted], sure=predictions.confidence
    )
    rows = table[(table["genre"] == first["true"]) & (table["predicted"] == first["predicted"])]
    assert first["clips"] == len(rows)
    assert first["rate"] == len(rows) / (table["genre"] == first["true"]).sum()
    assert [clip["clip"] for clip in first["examples"]] == rows.nlargest(3, "sure")["clip"].tolist()


def test_a_run_without_a_mistake_says_so(make_run) -> None:
    folder = make_run(skill=40.0)
    assert evaluate_run(folder)["metrics"]["accuracy"]["value"] == 1.0
    assert "Not one clip was mistaken." in Page((folder / "report.html").read_text()).text


def test_the_comparison_tells_the_noise_from_the_rest(make_run, tmp_path) -> None:
    runs = [
        make_run("good", skill=2.5),
        make_run("bad", skill=0.3, noise_seed=3),
        make_run("twin", skill=2.5, noise_seed=4),
    ]
    compare_runs(runs, tmp_path / "compare.html")
    page = Page((tmp_path / "compare.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert all(link.startswith(("data:", "#")) for link in page.loads)
    assert sum(link.startswith("data:image/svg+xml;base64,") for link in page.loads) == 4
    assert "3 runs compared" in page.text
    judged = re.findall(r'class="whole (\w+)">([^<]*)', (tmp_path / "compare.html").read_text(encoding="utf-8"))
    assert judged == [("within", "within the noise"), ("larger", "larger than the noise")]  # twin, bad
    assert "Not all of these figures" not in page.text


def test_a_comparison_across_protocols_warns(make_run, tmp_path) -> None:
    runs = [make_run("one"), make_run("two", info={"protocol": "random"}, leaks=("a leak",))]
    compare_runs(runs, tmp_path / "compare.html")
    text = Page((tmp_path / "compare.html").read_text(encoding="utf-8")).text
    assert "Not all of these figures can be set against each other." in text
    assert "The protocol differs" in text
    assert "two was trained although its parts leak" in text
    assert "but see the warnings" in text
