import pytest
import torch

from genrelab.errors import RecipeError
from genrelab.frontends import FRONTENDS


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("spectrogram", {"n_fft": 1}, r"frontend\.n_fft: 1 is too short"),
        ("spectrogram", {"hop_length": 0}, r"frontend\.hop_length: 0"),
        ("spectrogram", {"power": 0.0}, r"frontend\.power: 0\.0 is not positive"),
        ("spectrogram", {"log": "ln"}, r"frontend\.log: 'ln' is not one of db, log, none"),
        ("spectrogram", {"log_floor": 0.0}, r"frontend\.log_floor: 0\.0"),
        ("spectrogram", {"top_db": -80.0}, r"frontend\.top_db: -80\.0"),
        ("spectrogram", {"fmax": 12000.0}, r"frontend\.fmax: 12000\.0 Hz is not between 0 and 11025\.0 Hz"),
        ("mel", {"fmax": 12000.0}, r"frontend\.fmin, frontend\.fmax: 0\.0 to 12000\.0 Hz"),
        ("mel", {"fmin": 500.0, "fmax": 400.0}, r"500\.0 to 400\.0 Hz is not a range"),
        ("mel", {"n_mels": 0}, r"frontend\.n_mels: 0"),
        ("mel", {"mel_scale": "bark"}, r"frontend\.mel_scale: 'bark' is not one of slaney, htk"),
        ("mel", {"norm": "l2"}, r"frontend\.norm: 'l2'"),
        ("mfcc", {"n_mels": 40, "n_mfcc": 41}, r"frontend\.n_mfcc: 41 is not between 1 and n_mels, 40"),
        ("mfcc", {"n_mfcc": 0}, r"frontend\.n_mfcc: 0"),
        ("mfcc", {"n_mfcc": -1, "normalise": "band-standard"}, r"frontend\.n_mfcc: -1"),
        ("mel", {"n_mels": -1, "normalise": "band-standard"}, r"frontend\.n_mels: -1"),
        ("contrast", {"n_bands": 100_000}, r"frontend\.fmin, frontend\.n_bands: 100000 octaves"),
        ("musicnn-bands", {}, r"audio\.sample_rate: 22050 Hz; musicnn's networks learned at 16000"),
        ("chroma", {"n_chroma": 0}, r"frontend\.n_chroma: 0"),
        ("contrast", {"n_bands": 0}, r"frontend\.n_bands: 0"),
        ("contrast", {"n_bands": 7}, r"frontend\.fmin, frontend\.n_bands: 7 octaves above 200\.0 Hz do not fit"),
        ("contrast", {"fmin": 0.0}, r"frontend\.fmin"),
        ("contrast", {"quantile": 1.0}, r"frontend\.quantile: 1\.0"),
        ("contrast", {"n_fft": 64}, r"frontend\.n_fft: 64 is too short to tell the band from 0\.0 to 200\.0 Hz"),
        ("stack", {"parts": ("mel", "mel")}, r"frontend\.parts: \['mel', 'mel'\] is not a choice of mel, mfcc"),
        ("stack", {"parts": ()}, r"frontend\.parts: \[\]"),
        ("stack", {"parts": ("tempo",)}, r"frontend\.parts: \['tempo'\]"),
        ("stack", {"n_mels": 20}, r"frontend\.n_mfcc: 40 is not between 1 and n_mels, 20"),
        ("stack", {"normalise_parts": "band-standard"}, r"frontend\.normalise_parts: 'band-standard' is not one of"),
    ],
)
def test_an_option_out_of_range_is_named(kind, options, message):
    with pytest.raises(RecipeError, match=message):
        FRONTENDS[kind](sample_rate=22050, **options)


def test_more_bands_than_the_transform_can_tell_apart_give_a_warning():
    with pytest.warns(UserWarning, match=r"of 128 mel bands lie between two bins"):
        FRONTENDS["mel"](sample_rate=22050, n_fft=256, n_mels=128)


def test_a_logarithm_needs_no_floor_where_there_is_none():
    frontend = FRONTENDS["spectrogram"](sample_rate=22050, log="none", log_floor=0.0, normalise="none")
    assert torch.equal(frontend(torch.zeros(1, 4096)), torch.zeros(1, 1, 1025, 9))


def test_the_published_inputs_have_their_published_shapes():
    fma = FRONTENDS["mel"](sample_rate=22050, fmax=8000.0)
    assert fma.shape(30 * 22050) == (1, 128, 1292)
    assert FRONTENDS["mfcc"](sample_rate=22050).shape(30 * 22050) == (1, 20, 1292)
    choi = FRONTENDS["mel"](sample_rate=12000, n_fft=512, hop_length=256, n_mels=96, log="log", log_floor=1e-9)
    assert choi.shape(round(29.12 * 12000)) == (1, 96, 1366)


def test_decibels_are_relative_to_each_clips_own_maximum():
    frontend = FRONTENDS["mel"](sample_rate=22050, normalise="none")
    noise = torch.randn(1, 22050, generator=torch.Generator().manual_seed(0))
    loud, quiet = frontend(torch.cat([noise, noise / 1000]))
    assert loud.max() == 0
    assert quiet.max() == 0
    torch.testing.assert_close(loud, quiet, rtol=0, atol=1e-3)
    assert frontend(torch.zeros(1, 22050)).abs().max() == 0


def test_the_first_coefficient_tells_how_loud_a_clip_is():
    frontend = FRONTENDS["mfcc"](sample_rate=22050, normalise="none")
    noise = torch.randn(1, 22050, generator=torch.Generator().manual_seed(0))
    loud, quiet = frontend(torch.cat([noise, noise / 10]))[:, 0]
    # 20 dB in each of 128 bands; the orthonormal DCT's first row is 1 / sqrt(128).
    torch.testing.assert_close(loud[0] - quiet[0], torch.full_like(loud[0], 20 * 128**0.5), rtol=0, atol=1e-2)
    torch.testing.assert_close(loud[1:], quiet[1:], rtol=0, atol=1e-2)


def test_the_parts_of_a_stack_come_in_the_order_asked_for(sound):
    waveform = torch.from_numpy(sound(22050, 1.0))[None]
    stack = FRONTENDS["stack"](sample_rate=22050, parts=("contrast", "mfcc"), n_mfcc=13)(waveform)
    contrast = FRONTENDS["contrast"](sample_rate=22050)(waveform)
    mfcc = FRONTENDS["mfcc"](sample_rate=22050, n_mfcc=13, normalise="none")(waveform)
    torch.testing.assert_close(stack, torch.cat([contrast, mfcc], dim=2), rtol=1e-5, atol=1e-3)


def test_the_options_of_a_stack_are_those_of_its_parts(sound):
    waveform = torch.from_numpy(sound(22050, 1.0))[None]
    parts = ("mel", "chroma", "contrast")
    stack = FRONTENDS["stack"](22050, parts=parts, fmax=5000.0, tuning=0.3, n_bands=4)(waveform)
    mel = FRONTENDS["mel"](22050, fmax=5000.0, normalise="none")(waveform)
    chroma = FRONTENDS["chroma"](22050, tuning=0.3)(waveform)
    contrast = FRONTENDS["contrast"](22050, n_bands=4)(waveform)
    torch.testing.assert_close(stack, torch.cat([mel, chroma, contrast], dim=2), rtol=1e-5, atol=1e-3)


def test_a_part_of_a_stack_may_be_scaled_by_itself(sound):
    waveform = torch.from_numpy(sound(22050, 1.0))[None]
    stack = FRONTENDS["stack"](sample_rate=22050, normalise_parts="clip-minmax")(waveform)
    for part in stack.split([128, 40, 12, 7], dim=2):
        torch.testing.assert_close(torch.stack(part.aminmax()), torch.tensor([-1.0, 1.0]), rtol=0, atol=1e-5)


def test_a_tone_has_the_chroma_of_its_pitch_class():
    time = torch.arange(22050) / 22050
    chroma = FRONTENDS["chroma"](sample_rate=22050)(torch.sin(2 * torch.pi * 440 * time)[None])[0, 0, :, 20]
    assert chroma.argmax() == 9  # C is 0, A is 9
    assert chroma[9] == 1


def test_a_level_above_full_scale_is_refused():
    with pytest.raises(RecipeError, match=r"frontend\.level: 3\.0 dB"):
        FRONTENDS["musicnn-bands"](sample_rate=16000, level=3.0)
