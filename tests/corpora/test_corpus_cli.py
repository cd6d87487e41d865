import subprocess
import sys

import pytest
import soundfile

from genrelab.audio.store import SampleStore
from genrelab.cli.app import main
from genrelab.corpora import CORPORA


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def table(tmp_path, sound):
    """Return a table of twelve sounds, of which the last is a copy of the first."""
    lines = ["path,genre,artist,part"]
    for seed in range(12):
        path = sound(tmp_path / f"{seed}.wav", seconds=1.5, seed=seed % 11)
        part = ("train", "validation", "test")[seed % 3]
        lines.append(f"{path.name},{'jazz' if seed < 6 else 'rock'},artist{seed},{part}")
    (tmp_path / "music.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "music.csv"


def test_list_names_every_corpus_and_its_options(capsys):
    assert main(["corpus", "list"]) == 0
    out = capsys.readouterr().out
    assert all(kind in out for kind in CORPORA)
    assert "path [columns=None] [root=None]" in out


def test_describe_counts_clips_and_says_whence_they_are(capsys, tmp_path):
    options = ["-o", "clips=20", "-o", "sample_rate=8000"]
    assert main(["corpus", "describe", "toy", "--root", str(tmp_path / "toy"), *options]) == 0
    out = capsys.readouterr().out
    assert "techno" in out
    assert "licence: CC0" in out


def test_check_finds_the_copy_and_exits_with_1(capsys, table):
    assert main(["corpus", "check", "table", "--path", str(table), "--protocol", "column", "--column", "part"]) == 1
    out = capsys.readouterr().out
    assert "leak: 1 pair of clips in different parts have the same sound: 0.wav = 11.wav (train+test)" in out


def test_check_shows_whole_names_and_what_leaks_first(capsys, table, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    folder, lines = table.parent, table.read_text().splitlines()
    samples, rate = soundfile.read(folder / "11.wav")
    soundfile.write(folder / "11.wav", samples + 0.02 * samples[::-1], rate)  # less alike than the next
    name = "somebody_or_other-a_title_that_is_longer_than_a_column.wav"
    (folder / name).write_bytes((folder / "2.wav").read_bytes())
    table.write_text("\n".join([*lines, f"{name},rock,artist12,test"]) + "\n")
    assert main(["corpus", "check", "table", "--path", str(table), "--protocol", "column", "--column", "part"]) == 1
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if line.count("│") == 7]
    assert [row[4].strip() for row in rows if row[4].strip()] == ["0.00", "0.00"]
    assert rows[0][6].strip().startswith("train")
    assert name in "".join(row[2].strip() for row in rows)


def test_check_of_a_sound_corpus_exits_with_0(capsys, table):
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    assert main(["corpus", "check", "table", "--path", str(table), "--protocol", "artist-folds", "--folds", "3"]) == 0
    assert "no leaks" in capsys.readouterr().out


def test_check_tells_of_artists_that_are_not_known(capsys, table):
    table.write_text(table.read_text().replace("artist4,", ",").replace("artist7,", ","))
    assert main(["corpus", "check", "table", "--path", str(table), "--protocol", "artist-folds"]) < 2
    assert "note: the artist of 2 of 12 clips is unknown; each counts as one of its own" in capsys.readouterr().out


def test_check_names_unreadable_files_and_exits_with_1(capsys, table):
    table.with_name("11.wav").write_bytes(b"")
    assert main(["corpus", "check", "table", "--path", str(table)]) == 1
    assert "unreadable: 11.wav: empty" in capsys.readouterr().out


def test_build_makes_a_store_that_check_listens_to(capsys, table, tmp_path):
    store = tmp_path / "store"
    command = ["--path", str(table), "--store", str(store)]
    assert main(["corpus", "build", "table", *command, "--sample-rate", "8000", "--jobs", "2"]) == 0
    assert SampleStore(store).sample_rate == 8000
    assert "12 clips" in capsys.readouterr().out
    for seed in range(12):
        soundfile.write(table.with_name(f"{seed}.wav"), [0.0] * 8000, 8000)  # the store remembers what they were
    assert main(["corpus", "check", "table", *command, "--protocol", "column", "--column", "part"]) == 1
    assert "0.wav = 11.wav" in capsys.readouterr().out


def test_build_exits_with_1_and_says_which_files_it_could_not_use(capsys, table, tmp_path):
    table.with_name("3.wav").write_text("no sound\n" * 99)
    assert main(["corpus", "build", "table", "--path", str(table), "--store", str(tmp_path / "store")]) == 1
    assert "in quarantine: 3.wav:" in capsys.readouterr().out


def test_a_recipe_stands_for_its_corpus_and_protocol(capsys, table, tmp_path):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        f"base: demo/cnn\ncorpus: {{kind: table, path: {table}}}\nprotocol: {{name: column, column: part, folds: 1}}\n"
    )
    assert main(["corpus", "check", str(recipe)]) == 1
    assert "music, column, 1 fold" in capsys.readouterr().out


def test_the_short_name_of_a_recipe_stands_for_its_corpus_too(capsys, table):
    # Its corpus is a toy that takes no path: that it complains of it shows that the recipe was found.
    for name in ("mel-cnn", "tuned/mel-cnn"):
        assert main(["corpus", "check", name, "--path", str(table)]) == 2
        assert "has no option 'path'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["describe", "msd"], "no corpus 'msd'; choose one of gtzan, "),
        (["describe", "toy"], "needs the option 'root'"),
        (["describe", "toy", "-o", "root=5"], "the option 'root' must be text or a path, not 5"),
        (["describe", "toy", "--root", "t", "-o", "clips=abc"], "option 'clips' must be a whole number, not 'abc'"),
        (["describe", "gtzan", "--root", "t", "-o", "partial=1"], "option 'partial' must be true or false, not 1"),
        (["check", "folder", "--folds", "0"], "Invalid value for '--folds'"),
        (["check", "folder", "--seed", "-1"], "Invalid value for '--seed'"),
        (["check", "published/absent"], "neither a .yaml file nor the name of a recipe"),
        (["describe", "folder", "-o", "root"], "it should be KEY=VALUE"),
        (["describe", "folder", "-o", "root={"], "the value is not YAML"),
        (["check", "folder", "--root", "/absent"], "/absent: there is no such folder"),
    ],
)
def test_mistakes_are_one_line_and_exit_with_2(capsys, arguments, message):
    assert main(["corpus", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err.replace("\n", " ")
    assert "Traceback" not in captured.err


def test_markup_and_commands_in_names_are_shown_not_obeyed(capsys, tmp_path, sound):
    for genre in ("[red]jazz", "rock"):
        sound(tmp_path / genre / "a\x1b[31m.wav")
    assert main(["corpus", "check", "folder", "--root", str(tmp_path), "--protocol", "random"]) == 2
    assert main(["corpus", "describe", "folder", "--root", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "[red]jazz" in out
    assert "\x1b[31m" not in out


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from genrelab.cli.app import main; status = main(['corpus', '--help']); "
        "heavy = {'pandas', 'scipy', 'sklearn', 'torch', 'soundfile'} & set(sys.modules); print(status, sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "0 []"
