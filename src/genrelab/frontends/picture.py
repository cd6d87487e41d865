"""The coloured mel spectrogram of GTZAN 2.0 as features: drawn by an extractor, cropped and scaled here."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from genrelab.errors import RecipeError
from genrelab.extractors.picture import BOTTOM, CHANNELS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, band_rows
from genrelab.frontends.frontend import FrontEnd

_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601; rises along the colour map as loudness does


class Picture(FrontEnd):
    """The picture as an image: a channel a colour, values from 0 to 1.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz.
    frame
        Whether the white frame stays.
    channels
        ``"rgba"`` as the files have it (the fourth is always 1), ``"rgb"``, or ``"luminance"`` alone.
    shrink
        Side of the squares of pixels that are averaged to one; 1 keeps all.
    rows
        ``"pixels"``: all 217 within the frame. ``"bands"``: one for each of the 128 mel bands, of which most are drawn
        over two rows and some over one.
    normalise
        How features are scaled, see `genrelab.frontends.normalise`.
    """

    def __init__(
        self,
        sample_rate: int,
        frame: bool = True,
        channels: Literal["rgba", "rgb", "luminance"] = "rgba",
        shrink: int = 1,
        rows: Literal["pixels", "bands"] = "pixels",
        normalise: Literal["none", "clip-standard"] = "none",
    ) -> None:
        if frame and rows == "bands":
            raise RecipeError("frontend.rows: of a picture with its frame only pixels are rows; add frame: false")
        height = HEIGHT if frame else BOTTOM - TOP if rows == "pixels" else len(band_rows())
        if not 1 <= shrink <= height:
            raise RecipeError(f"frontend.shrink: {shrink} is not a number of pixels from 1 to {height}")
        super().__init__(sample_rate, height // shrink, normalise)
        self.frame, self.channels, self.shrink, self.rows = frame, channels, shrink, rows
        self.extraction = ("picture", {})

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Return (channels, height, width), whatever the number of samples."""
        width = WIDTH if self.frame else RIGHT - LEFT
        return {"rgba": 4, "rgb": 3, "luminance": 1}[self.channels], self.bins, width // self.shrink

    def features(self, waveform: Tensor) -> Tensor:
        """Turn pictures (batch, 288 x 432 x 4), values 0 to 255, into images (batch, channels, height, width)."""
        pixels = waveform.reshape(-1, HEIGHT, WIDTH, CHANNELS)
        if not self.frame:
            pixels = pixels[:, TOP:BOTTOM, LEFT:RIGHT]
        if self.rows == "bands":
            pixels = pixels[:, torch.from_numpy(band_rows()).to(pixels.device)]
        if self.channels == "luminance":
            pixels = pixels[..., :3] @ torch.tensor(_LUMINANCE, device=pixels.device)[:, None]
        elif self.channels == "rgb":
            pixels = pixels[..., :3]
        image = pixels.permute(0, 3, 1, 2) / 255
        return F.avg_pool2d(image, self.shrink) if self.shrink > 1 else image
