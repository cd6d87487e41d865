"""Samples to features."""

from genrelab.frontends.frontend import FrontEnd
from genrelab.frontends.mel import Mel
from genrelab.frontends.mfcc import Mfcc
from genrelab.frontends.spectrogram import Spectrogram
from genrelab.frontends.waveform import Waveform

FRONTENDS: dict[str, type[FrontEnd]] = {
    "waveform": Waveform,
    "spectrogram": Spectrogram,
    "mel": Mel,
    "mfcc": Mfcc,
}

__all__ = ["FRONTENDS", "FrontEnd"]
