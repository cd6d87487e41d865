"""Harder training examples."""

from typing import Any

from genrelab.augment.augmentation import Augmentation, Frozen
from genrelab.augment.feature_noise import FeatureNoise
from genrelab.augment.mixing import Cutmix, Mixup
from genrelab.augment.spectrogram import PixelNoise, RandomFrames, ReverseFrames, SpecAugment
from genrelab.augment.stages import WaveformAugmentation
from genrelab.augment.tempo_and_pitch import PitchShift, TimeStretch
from genrelab.augment.waveform import BandStop, Gain, LowPass, Noise, RandomCrop, Reverse, TimeShift

AUGMENTATIONS: dict[str, type[Augmentation[Any]]] = {
    "time-stretch": TimeStretch,
    "pitch-shift": PitchShift,
    "gain": Gain,
    "noise": Noise,
    "time-shift": TimeShift,
    "band-stop": BandStop,
    "low-pass": LowPass,
    "random-crop": RandomCrop,
    "reverse": Reverse,
    "spec-augment": SpecAugment,
    "random-frames": RandomFrames,
    "reverse-frames": ReverseFrames,
    "pixel-noise": PixelNoise,
    "feature-noise": FeatureNoise,
    "mixup": Mixup,
    "cutmix": Cutmix,
}

__all__ = ["AUGMENTATIONS", "Augmentation", "FeatureNoise", "Frozen", "WaveformAugmentation"]
