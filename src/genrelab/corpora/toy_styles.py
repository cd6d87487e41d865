"""What makes the toy corpus' ten genres differ: ranges that overlap, as those of real genres do."""

from dataclasses import dataclass

CHORDS = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "seventh": (0, 4, 7, 10),
    "major7": (0, 4, 7, 11),
    "minor7": (0, 3, 7, 10),
    "ninth": (0, 4, 10, 14),
    "power": (0, 7, 12),
    "open": (0, 7, 14),
}
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "pentatonic": (0, 2, 4, 7, 9),
}

# One bar each: steps are quarters of a beat; x a hit, o a soft one.
Pattern = dict[str, str]


@dataclass(frozen=True)
class Style:
    """The ranges that artists of a genre draw their habits from.

    Parameters
    ----------
    tempo
        Beats a minute, least and most.
    beats
        A bar.
    swing
        Where the second half of a beat falls: 0.5 straight, 0.67 a triplet.
    drums
        Patterns to choose from; an artist has one or two.
    drum_level
        Loudness of the kit; 0 is none.
    bass, bass_level
        How the bass moves: its pattern of steps with degrees of the chord (0 root, 1 third, 2 fifth, 8 octave).
    comp, comp_length
        Steps at which chords are struck, and for how many steps they sound.
    lead
        Share of steps on which the melody has a note.
    voices, comp_voices
        Instruments to choose from.
    scale, progressions
        Of the melody; chords as (semitones above the key, kind), one a bar.
    register
        MIDI note around which the chords lie.
    drive, lowpass, reverb
        Distortion (0 none), the highest frequency (Hz), the share of reverberation.
    """

    tempo: tuple[float, float]
    drums: tuple[Pattern, ...]
    bass: tuple[str, ...]
    comp: tuple[str, ...]
    progressions: tuple[tuple[tuple[int, str], ...], ...]
    voices: tuple[str, ...]
    comp_voices: tuple[str, ...]
    beats: int = 4
    swing: tuple[float, float] = (0.5, 0.5)
    drum_level: tuple[float, float] = (0.5, 1.0)
    bass_level: tuple[float, float] = (0.4, 0.8)
    comp_length: float = 2.0
    lead: tuple[float, float] = (0.1, 0.35)
    scale: tuple[str, ...] = ("major",)
    register: tuple[int, int] = (52, 64)
    drive: tuple[float, float] = (0.0, 0.3)
    lowpass: tuple[float, float] = (4000.0, 10000.0)
    reverb: tuple[float, float] = (0.05, 0.3)


STYLES: dict[str, Style] = {
    "ambient": Style(
        tempo=(56, 96),
        drums=({"brush": "o.......o......."}, {"kick": "o...............", "ride": "........o......."}),
        drum_level=(0.0, 0.25),
        bass=("0...............",),
        bass_level=(0.2, 0.6),
        comp=("x...............", "x.......x......."),
        comp_length=18.0,
        lead=(0.02, 0.12),
        scale=("pentatonic", "dorian", "major"),
        progressions=(((0, "open"), (5, "major7")), ((0, "minor7"), (8, "major7")), ((0, "open"), (10, "open"))),
        voices=("flute", "bell", "string"),
        comp_voices=("string", "organ", "flute", "saw"),
        register=(48, 66),
        lowpass=(1800.0, 7000.0),
        reverb=(0.35, 0.8),
    ),
    "ballad": Style(
        tempo=(64, 112),
        drums=({"brush": "....o.......o..."}, {"hat": "o.o.o.o.o.o.o.o.", "kick": "o.......o......."}),
        drum_level=(0.0, 0.45),
        bass=("0.......2.......", "0..............."),
        comp=("a.a.a.a.a.a.a.a.", "a..aa.a.a..aa.a.", "aaaaaaaaaaaaaaaa"),
        comp_length=4.0,
        lead=(0.15, 0.35),
        scale=("major", "minor", "pentatonic"),
        progressions=(
            ((0, "major"), (7, "major"), (9, "minor"), (5, "major")),
            ((0, "major"), (5, "major"), (0, "major"), (7, "major")),
            ((0, "minor"), (8, "major"), (3, "major"), (10, "major")),
        ),
        voices=("reed", "flute", "string"),
        comp_voices=("string", "bell", "square"),
        register=(50, 66),
        lowpass=(3000.0, 9000.0),
    ),
    "funk": Style(
        tempo=(88, 122),
        swing=(0.5, 0.56),
        drums=(
            {"kick": "x..x..x...x..x..", "snare": "....x..o.o..x..o", "hat": "xoxoxoxoxoxoxoxo"},
            {"kick": "x.x....x..x.....", "snare": "....x..o.o.ox...", "hat": "x.xxx.xxx.xxx.xx"},
            {"kick": "x.....x...x..x..", "snare": "....x.......x.o.", "hat": "xoxoxoxoxoxoxoxo"},
        ),
        bass=("0..8.0..0.8..28.", "0.0..8.0...28.0.", "0..0..8...0.2.8."),
        bass_level=(0.5, 1.0),
        comp=("..xx..x...xx..x.", "x..x..x...x..x..", "..x...xx..x...x."),
        comp_length=0.8,
        lead=(0.0, 0.3),
        scale=("dorian", "blues"),
        progressions=(((0, "ninth"), (0, "ninth")), ((0, "minor7"), (5, "seventh")), ((0, "seventh"), (5, "ninth"))),
        voices=("brass", "reed", "square"),
        comp_voices=("square", "organ", "string", "brass"),
        lowpass=(5000.0, 11000.0),
        drive=(0.0, 0.4),
        reverb=(0.02, 0.2),
    ),
    "hiphop": Style(
        tempo=(76, 106),
        swing=(0.5, 0.6),
        drums=(
            {"kick": "x......x..x.....", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.x.......x..x..", "clap": "....x.......x...", "hat": "xxx.x.xxx.x.xxx."},
            {"kick": "x.....x.x.......", "snare": "....x.......x..o", "hat": "x.x.x.x.x.x.xxxx"},
        ),
        bass=("0......0..0.....", "0.........2.....", "0..0......0....."),
        bass_level=(0.6, 1.1),
        comp=("x.......x.......", "x.....x.........", "..x...x...x....."),
        comp_length=3.0,
        lead=(0.0, 0.2),
        scale=("minor", "blues", "dorian"),
        progressions=(((0, "minor7"), (0, "minor7")), ((0, "minor"), (8, "major7")), ((0, "minor7"), (5, "minor7"))),
        voices=("flute", "bell", "reed"),
        comp_voices=("bell", "string", "organ", "reed"),
        drum_level=(0.7, 1.2),
        drive=(0.0, 0.35),
        lowpass=(1800.0, 5000.0),
    ),
    "march": Style(
        tempo=(98, 132),
        drums=(
            {"kick": "x...x...x...x...", "snare": "o.x.o.xxo.x.o.xx"},
            {"kick": "x.......x.......", "snare": "x.xxx.x.x.xxxxxx"},
            {"kick": "x...x...x...x...", "snare": "..x...x...x...xx", "ride": "x.......x......."},
        ),
        drum_level=(0.45, 1.0),
        bass=("0...2...0...2...", "0...2...0...1..."),
        comp=("..x...x...x...x.", "..x...x...x.x.x."),
        comp_length=1.2,
        lead=(0.2, 0.45),
        scale=("major",),
        progressions=(
            ((0, "major"), (0, "major"), (7, "seventh"), (0, "major")),
            ((0, "major"), (5, "major"), (7, "seventh"), (0, "major")),
        ),
        voices=("brass", "reed", "flute"),
        comp_voices=("brass", "reed", "organ"),
        register=(50, 64),
    ),
    "metal": Style(
        tempo=(90, 185),
        drums=(
            {"kick": "xxxxxxxxxxxxxxxx", "snare": "....x.......x...", "ride": "x...x...x...x..."},
            {"kick": "x.xxx.xxx.xxx.xx", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x...x.x.x...x.x.", "snare": "....x.......x...", "ride": "x.x.x.x.x.x.x.x."},
        ),
        bass=("0.000.000.000.00", "0000000000000000", "0...0.0.0...0.0."),
        comp=("x.xxx.xxx.xxx.xx", "x.x.x.xxx.x.x.xx", "x...x.x.x...x.x."),
        comp_length=1.6,
        lead=(0.0, 0.35),
        scale=("phrygian", "minor"),
        progressions=(
            ((0, "power"), (0, "power"), (1, "power"), (0, "power")),
            ((0, "power"), (8, "power"), (10, "power"), (0, "power")),
            ((0, "power"), (3, "power"), (6, "power"), (5, "power")),
        ),
        voices=("saw", "square", "brass"),
        comp_voices=("saw", "square"),
        register=(38, 50),
        drive=(0.45, 1.0),
        lowpass=(4000.0, 10000.0),
        reverb=(0.02, 0.2),
    ),
    "reggae": Style(
        tempo=(68, 98),
        swing=(0.5, 0.6),
        drums=(
            {"kick": "........x.......", "snare": "........x.......", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.......x.......", "snare": "........x.....o.", "hat": "x.xxx.x.x.xxx.x."},
            {"kick": "x...x...x...x...", "snare": "........x.......", "hat": "..x...x...x...x."},
        ),
        bass=("0..0..2...0..1..", "..0.0.2.....0.2.", "0.....12..0....."),
        bass_level=(0.6, 1.1),
        comp=("....x.......x...", "..x...x...x...x.", "..xx..x...xx..x."),
        comp_length=0.9,
        lead=(0.0, 0.25),
        scale=("major", "minor", "dorian"),
        progressions=(
            ((0, "major"), (5, "major")),
            ((0, "minor"), (10, "major")),
            ((0, "major"), (7, "major"), (9, "minor"), (5, "major")),
        ),
        voices=("reed", "brass", "flute"),
        comp_voices=("organ", "square", "string"),
        lowpass=(2500.0, 6500.0),
        reverb=(0.1, 0.4),
    ),
    "swing": Style(
        tempo=(108, 210),
        swing=(0.6, 0.68),
        drums=(
            {"ride": "x...x.x.x...x.x.", "hat": "....x.......x..."},
            {"ride": "x...x.x.x...x.x.", "kick": "o...o...o...o...", "snare": "......o.......o."},
            {"brush": "x...x.x.x...x.x.", "hat": "....x.......x..."},
        ),
        drum_level=(0.2, 0.7),
        bass=("0...1...2...1...", "0...2...8...2...", "0...1...2...8..."),
        comp=("..x.........x...", "x.....x.........", "......x...x....."),
        comp_length=1.6,
        lead=(0.2, 0.5),
        scale=("major", "dorian", "blues"),
        progressions=(
            ((2, "minor7"), (7, "seventh"), (0, "major7"), (0, "major7")),
            ((0, "seventh"), (5, "seventh"), (0, "seventh"), (7, "seventh")),
            ((0, "major7"), (9, "seventh"), (2, "minor7"), (7, "seventh")),
        ),
        voices=("reed", "brass", "flute"),
        comp_voices=("string", "organ", "bell"),
        lowpass=(3000.0, 9000.0),
    ),
    "techno": Style(
        tempo=(116, 146),
        drums=(
            {"kick": "x...x...x...x...", "hat": "..x...x...x...x."},
            {"kick": "x...x...x...x...", "clap": "....x.......x...", "hat": "xoxoxoxoxoxoxoxo"},
            {"kick": "x...x...x...x...", "hat": "..x...x...x...x.", "snare": "......o..o....o."},
        ),
        drum_level=(0.7, 1.2),
        bass=("..0...0...0...0.", ".000.000.000.000", "0.0.0.8.0.0.0.8."),
        comp=("x..x..x...x..x..", "..x...x...x...x.", "x..............."),
        comp_length=1.2,
        lead=(0.0, 0.5),
        scale=("minor", "phrygian", "dorian"),
        progressions=(((0, "minor"), (0, "minor")), ((0, "minor7"), (0, "minor7")), ((0, "minor"), (8, "major"))),
        voices=("saw", "square", "bell"),
        comp_voices=("saw", "square", "organ", "string"),
        register=(50, 66),
        drive=(0.0, 0.5),
        lowpass=(5000.0, 11000.0),
        reverb=(0.05, 0.4),
    ),
    "waltz": Style(
        tempo=(84, 186),
        beats=3,
        drums=({"brush": "....x...x..."}, {"kick": "x...........", "hat": "....x...x..."}, {"ride": "x...x...x..."}),
        drum_level=(0.0, 0.5),
        bass=("0...........", "0.......2..."),
        comp=("....x...x...", "....x.x.x...", "x...x...x..."),
        comp_length=2.5,
        lead=(0.15, 0.4),
        scale=("major", "minor"),
        progressions=(
            ((0, "major"), (0, "major"), (7, "seventh"), (7, "seventh")),
            ((0, "major"), (9, "minor"), (2, "minor"), (7, "seventh")),
            ((0, "minor"), (5, "minor"), (7, "seventh"), (0, "minor")),
        ),
        voices=("reed", "string", "flute"),
        comp_voices=("string", "reed", "organ"),
        lowpass=(3000.0, 7000.0),
        reverb=(0.1, 0.45),
    ),
}
