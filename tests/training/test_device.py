import warnings

import pytest

from genrelab.training import device


@pytest.mark.parametrize("wanted", ["16-mixed", "bf16-mixed"])
def test_a_cpu_without_bfloat16_trains_in_single_precision_and_says_so(
    monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setattr(device, "cpu_has_bfloat16", lambda: False)
    with pytest.warns(UserWarning, match=f"{wanted} was asked for, and this CPU has no bfloat16; training in single"):
        assert device.usable_precision(wanted, "cpu") == "32"


def test_precision_is_left_alone_where_it_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setattr(device, "cpu_has_bfloat16", lambda: False)
        assert device.usable_precision("bf16-mixed", "cuda") == "bf16-mixed"
        assert device.usable_precision("32", "cpu") == "32"
        monkeypatch.setattr(device, "cpu_has_bfloat16", lambda: True)
        assert device.usable_precision("bf16-mixed", "cpu") == "bf16-mixed"
