"""What a default bundle says beside its ten genres."""

import pytest
import torch

from genrelab.backbones.answers import FURTHER, GENRE_TAGS, SOUNDS, Answers, Familiarity, further, shown_tags
from genrelab.backbones.own import tag_names
from genrelab.extractors.backbone import LISTENER, NETWORKS, OWN, SMALL_YAMNET


def test_the_likeliest_tag_speaks_for_a_further_genre():
    tags = torch.tensor([[1.0, -2.0, 0.5], [-3.0, 4.0, 0.0]])
    odds = further(tags, [[0, 1], [2]], torch.tensor([-1.0, 0.25]))
    assert odds.tolist() == [[0.0, 0.75], [3.0, 0.25]]


def test_odds_are_set_against_the_ten_together():
    ten = torch.randn(1, 10).log_softmax(1)
    odds = torch.tensor([[0.0]])
    probabilities = torch.cat([ten, odds], 1).softmax(1)[0]
    assert probabilities[-1] == pytest.approx(0.5)
    assert probabilities[:10] == pytest.approx(ten[0].exp() / 2)


def test_strangeness_is_linear_in_deviations_and_their_absolute_values_up_to_a_limit():
    judge = Familiarity(
        mean=torch.tensor([1.0, 0.0, 5.0]),
        deviation=torch.tensor([2.0, 1.0, 0.0]),
        weight=torch.tensor([[1.0, 0.0, 9.0], [0.0, 3.0, 9.0]]),
        bias=-0.5,
    )
    layers = torch.tensor([[3.0, -1.0, 100.0], [1.0, 50.0, 5.0]])
    assert judge(layers)[:, 0].tolist() == [1.0 + 3.0 - 0.5, 3.0 * 5.0 - 0.5]


def test_the_outputs_are_parts_of_the_layers_and_what_the_head_makes_of_them():
    class Hearing(torch.nn.Module):
        networks = (LISTENER,)

        def layers(self, waveform):
            return waveform

        def head(self, layers):
            return layers[:, -3:], layers

    size, tags = sum(NETWORKS[LISTENER].values()), tag_names(LISTENER)
    judge = Familiarity(torch.zeros(size), torch.ones(size), torch.zeros(2, size), 0.25)
    answers = Answers(Hearing(), 2.0, tags, {"soul": 0.5, "folk": -1.0}, judge)
    layers = torch.randn(2, size, generator=torch.Generator().manual_seed(0))
    logits, embedding, shown, strangeness = answers(layers)
    torch.testing.assert_close(logits[:, :3], (layers[:, -3:] / 2).log_softmax(1))
    soul, rnb, folk = (layers[:, tags.index(tag)] for tag in ("soul", "rnb", "folk"))
    torch.testing.assert_close(logits[:, 3:], torch.stack([torch.maximum(soul, rnb) + 0.5, folk - 1], 1))
    assert torch.equal(embedding, layers[:, 50:250])
    assert torch.equal(shown, layers[:, [place for place, tag in enumerate(tags) if tag not in GENRE_TAGS]])
    assert strangeness.tolist() == [[0.25], [0.25]]


def test_no_tag_speaks_for_two_genres():
    tags = [tag for wanted in FURTHER.values() for tag in wanted]
    assert len(tags) == len(set(tags))


def test_tags_that_are_shown_are_no_genres_and_lie_where_their_networks_layers_say():
    shown = shown_tags(OWN)
    assert not GENRE_TAGS & set(shown)
    assert len(shown) == len(set(tag_names(LISTENER)) - GENRE_TAGS) + len(SOUNDS)  # the network knows all of them
    listener = sum(NETWORKS[LISTENER].values())
    assert shown["female vocalists"] == tag_names(LISTENER).index("female vocalists")
    assert shown["Banjo"] == listener + tag_names(SMALL_YAMNET).index("Banjo")
    assert shown["Violin"] == listener + tag_names(SMALL_YAMNET).index("Violin, fiddle")
