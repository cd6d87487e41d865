"""A network learns to hear what its teacher hears (Hinton et al. 2015, arXiv:1503.02531; here layers, not classes)."""

import copy
import math
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from genrelab.networks.listener import Listener
from genrelab.networks.yamnet import SmallYamnet

Learner = Listener | SmallYamnet
HELD_OUT = 1024
"""Lessons, the last ones, that are not learned from: they tell how well it hears."""
_STILL = 1e-3  # a value that moves less than this says nothing


def distill(
    learner: Learner,
    heard: Tensor,
    layers: Tensor,
    *,
    epochs: float,
    lr: float,
    seed: int = 0,
    batch_size: int = 64,
    average: float = 0.999,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, float]:
    """Let a network learn, in place: it is left with the moving average of its weights.

    Parameters
    ----------
    learner
        As it begins.
    heard, layers
        Lessons; see `genrelab.training.lessons`.
    epochs
        How often each lesson is heard.
    lr
        Highest learning rate: it rises over the first twentieth and falls like a cosine (AdamW).
    seed
        Of the order.
    batch_size
        Lessons in a step.
    average
        Decay of the moving average of the weights.
    say
        Told now and then how it goes.

    Returns
    -------
    dict
        For each layer the share of the teacher's variance that the learner explains on the held-out lessons, the
        median over the layer's values.
    """
    generator = torch.Generator().manual_seed(seed)
    learn = len(heard) - HELD_OUT
    scale = _scale(layers)
    learner.make_ready()
    weights = [value for value in learner.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=1e-4)
    steps = int(epochs * learn / batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / max(1, steps)))
    mean = copy.deepcopy(learner)
    begin, recent = time.perf_counter(), 0.0
    order = torch.empty(0, dtype=torch.long)
    for step in range(steps):
        if len(order) < batch_size:
            order = torch.randperm(learn, generator=generator)
        batch, order = order[:batch_size].sort().values, order[batch_size:]
        loss = _loss(learner, heard[batch], layers[batch], scale)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            for kept, new in zip(mean.parameters(), learner.parameters(), strict=True):
                kept.lerp_(new, 1 - min(average, step / (step + 10)))
        recent += (float(loss.detach()) - recent) / min(step + 1, 200)
        if (step + 1) % 500 == 0 or step + 1 == steps:
            found = ", ".join(f"{name} {value:.3f}" for name, value in explained(mean, heard, layers).items())
            say(f"step {step + 1} of {steps}, {time.perf_counter() - begin:.0f} s, loss {recent:.4f}; {found}")
    learner.load_state_dict(mean.state_dict())
    return explained(learner, heard, layers)


def explained(learner: Learner, heard: Tensor, layers: Tensor) -> dict[str, float]:
    """Return what `distill` does, of a learner as it is."""
    ask, wanted = heard[-HELD_OUT:], layers[-HELD_OUT:].float()
    with torch.inference_mode():
        said = torch.cat([_said(learner, part) for part in torch.split(ask, 64)])
    error, variance = (said - wanted).square().mean(0), wanted.var(0)
    shares = torch.where(variance > _STILL**2, 1 - error / variance.clamp(min=_STILL**2), torch.nan)
    parts = torch.split(shares, list(learner.sizes.values()))
    return {name: float(part.nanmedian()) for name, part in zip(learner.sizes, parts, strict=True)}


def _said(learner: Learner, heard: Tensor) -> Tensor:
    """Return all layers in a row, (lessons, the sum of their sizes)."""
    return torch.cat(list(learner.read(heard[:, None].float()).values()), 1)


def _scale(layers: Tensor) -> Tensor:
    """Return what each value's error is multiplied by: its deviation becomes 1, and what never moves counts nothing."""
    deviation = layers[: 4 * HELD_OUT].float().std(0)
    return torch.where(deviation > _STILL, 1 / deviation.clamp(min=_STILL), 0.0)


def _loss(learner: Learner, heard: Tensor, layers: Tensor, scale: Tensor) -> Tensor:
    """Return the mean over layers of the smooth absolute error of their values, each by its deviation."""
    errors = F.smooth_l1_loss(_said(learner, heard) * scale, layers.float() * scale, reduction="none").mean(0)
    return torch.stack([part.mean() for part in torch.split(errors, list(learner.sizes.values()))]).mean()


def _rate(done: float) -> float:
    return done / 0.05 if done < 0.05 else 0.5 + 0.5 * math.cos(math.pi * (done - 0.05) / 0.95)
