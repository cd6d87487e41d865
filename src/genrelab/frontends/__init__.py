"""Samples to features."""

from genrelab.frontends.backbone import BackboneLayers
from genrelab.frontends.bands import MusicnnBands
from genrelab.frontends.chroma import Chroma
from genrelab.frontends.contrast import Contrast
from genrelab.frontends.frontend import FrontEnd
from genrelab.frontends.handcrafted import Handcrafted
from genrelab.frontends.joint import Joint
from genrelab.frontends.mel import Mel
from genrelab.frontends.mfcc import Mfcc
from genrelab.frontends.picture import Picture
from genrelab.frontends.spectrogram import Spectrogram
from genrelab.frontends.stack import Stack
from genrelab.frontends.statistics import Statistics
from genrelab.frontends.waveform import Waveform

FRONTENDS: dict[str, type[FrontEnd]] = {
    "waveform": Waveform,
    "spectrogram": Spectrogram,
    "mel": Mel,
    "mfcc": Mfcc,
    "chroma": Chroma,
    "contrast": Contrast,
    "stack": Stack,
    "picture": Picture,
    "handcrafted": Handcrafted,
    "statistics": Statistics,
    "joint": Joint,
    "backbone": BackboneLayers,
    "musicnn-bands": MusicnnBands,
}

__all__ = ["FRONTENDS", "FrontEnd"]
