"""Runs of style transfer: records that are true of their pictures, steering, faults."""

import math
import pickle

import pytest
import torch
from torch.nn import functional as F

from cnn.style import gatys
from cnn.style.colour import to_yiq
from cnn.style.errors import STYLE_TEXTS, StyleError
from cnn.style.features import extractor, style_network
from cnn.style.gatys import style_transfer
from cnn.style.reconstruction import content_reconstruction, style_reconstruction

FAST = {
    "network": "random-vgg19",
    "size": 32,
    "style_layers": ("relu1_1", "relu2_1"),
    "content_layers": ("relu2_1",),
}
EXACT = {**FAST, "precision": "float32", "levels": 1, "size": None}


def photo(height=32, width=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 6, generator=generator)
    smooth = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False).clamp(0, 1)
    return (smooth[0] * 255).round().byte()


def stripes(height=32, width=32):
    row = (torch.arange(width) // 3 % 2 * 255).byte()
    return torch.stack(
        [row.expand(height, width), 255 - row.expand(height, width), row.expand(height, width) // 2]
    )


def test_T1_first_records_losses_are_the_formulas_on_the_networks_maps():
    content, style = photo(), stripes(32, 40)
    record = next(style_transfer(content, style, steps=1, start="style", optimiser="adam", **EXACT))
    cut = extractor(style_network("random-vgg19"), ("relu1_1", "relu2_1"))
    shown = next(style_transfer(content, style, steps=1, start="style", optimiser="adam", **EXACT)).image
    assert torch.equal(shown, record.image)
    a_c, a_s = cut(content[None] / 255), cut(style[None] / 255)
    a_g = cut(record.image[None] / 255)  # rounded to uint8, so near, not equal
    wanted = ((a_c["relu2_1"] - a_g["relu2_1"]) ** 2).sum().item() / 2
    assert record.content_losses["relu2_1"] == pytest.approx(wanted, rel=0.05)
    for layer, loss in record.style_losses.items():
        _, c, h, w = a_s[layer].shape
        grams = [torch.einsum("nchw,ndhw->cd", a[layer], a[layer]) for a in (a_s, a_g)]
        wanted = ((grams[0] - grams[1]) ** 2).sum().item() / (2 * h * w * c) ** 2
        assert loss == pytest.approx(wanted, rel=0.2, abs=1e-4)


def test_T1_total_is_alpha_content_plus_beta_style_plus_gamma_variation():
    for record in style_transfer(photo(), stripes(), steps=4, alpha=2.0, beta=500.0, gamma=0.5, **EXACT):
        w = record.weights
        assert (w.alpha, w.beta, w.gamma) == (2.0, 500.0, 0.5)
        content = sum(w.content[n] * v for n, v in record.content_losses.items())
        style = sum(w.style[n] * v for n, v in record.style_losses.items())
        assert (record.content_loss, record.style_loss) == (pytest.approx(content), pytest.approx(style))
        assert record.loss == pytest.approx(
            2 * content + 500 * style + 0.5 * record.total_variation, rel=1e-5
        )


@pytest.mark.parametrize("optimiser", ["lbfgs", "adam"])
def test_T1_the_loss_falls_and_the_steps_are_counted(optimiser):
    records = list(style_transfer(photo(), stripes(), steps=12, optimiser=optimiser, **EXACT))
    assert [r.step for r in records] == list(range(1, 13))
    assert records[-1].loss < 0.8 * records[0].loss
    assert all(r.image.dtype == torch.uint8 and r.image.shape == (3, 32, 40) for r in records)


def test_T1_starts_from_content_style_or_seeded_noise():
    def first(start, seed=0):
        adam = {"optimiser": "adam", "learning_rate": 1e-6}
        return next(
            style_transfer(photo(), stripes(), steps=1, start=start, seed=seed, **adam, **EXACT)
        ).image

    assert (first("content").int() - photo().int()).abs().max() <= 1
    assert torch.equal(first("noise"), first("noise"))
    assert not torch.equal(first("noise"), first("noise", seed=1))
    assert (first("style").float().mean() - stripes().float().mean()).abs() < 15


def test_coarse_to_fine_grows_to_the_full_size():
    records = list(style_transfer(photo(64, 48), stripes(), steps=6, levels=2, **{**FAST, "size": None}))
    assert [r.image.shape[1:] for r in records] == [(32, 24)] * 4 + [(64, 48)] * 2
    assert [r.level for r in records] == [1] * 4 + [2] * 2
    assert {r.levels for r in records} == {2}
    fewer = list(style_transfer(photo(64, 48), stripes(), steps=1, levels=2, **{**FAST, "size": None}))
    assert [r.image.shape[1:] for r in fewer] == [(64, 48)]


def test_several_styles_weigh_by_their_shares():
    def losses(shares):
        styles = (stripes(), photo(32, 32, seed=3))
        return next(
            style_transfer(photo(), styles, steps=1, style_shares=shares, beta=1.0, **EXACT)
        ).style_losses

    one, other, mixed = losses((1, 0)), losses((0, 5)), losses((3, 1))
    assert one.keys() == mixed.keys()
    for layer in mixed:  # the first step differs a little between the runs
        low, high = sorted((one[layer], other[layer]))
        assert 0.8 * low < mixed[layer] < 1.2 * high


def test_messages_change_weights_and_layers_on_the_way():
    run = style_transfer(photo(), stripes(), steps=20, **EXACT)
    next(run)
    assert run.send({"alpha": 7.0}).weights.alpha == 7.0
    assert run.send({"beta": 3.0, "gamma": 0.25}).weights.beta == 3.0
    other = run.send({"style_layers": {"relu1_2": 2.0}})
    assert (set(other.style_losses), other.weights.style) == ({"relu1_2"}, {"relu1_2": 2.0})
    assert run.send({"optimiser": "adam", "learning_rate": 0.01}).notice == ""
    assert run.send({"alpha": 0.0}).content_losses == {}


@pytest.mark.parametrize(
    "message", [{"alpha": -1}, {"alpha": float("nan")}, {"size": 64}, {"style_layers": ["no"]}, {"x": 1},
                {"style_shares": [1, 2, 3]}, {"optimiser": "sgd"}, {"alpha": 0, "beta": 0}, {"style_layers": 3}]
)  # fmt: skip
def test_a_senseless_message_changes_nothing_and_is_named(message):
    run = style_transfer(photo(), stripes(), steps=5, **EXACT)
    before = next(run)
    after = run.send(message)
    assert after.weights == before.weights
    assert after.notice_text("en")
    assert after.notice_text("ko") != after.notice_text("en")
    assert next(run).notice == ""


def test_numbers_out_of_range_restore_the_last_picture_and_say_so(monkeypatch):
    run = style_transfer(photo(), stripes(), steps=9, **EXACT)
    good = [next(run), next(run)][-1]
    original = gatys.Objective.evaluate

    def broken(self, point):
        state = original(self, point)
        return gatys.Evaluation(math.nan, state.gradient, state.content, state.style, state.variation)

    monkeypatch.setattr(gatys.Objective, "evaluate", broken)
    restored = next(run)
    assert restored.notice == "restored"
    assert torch.equal(restored.image, good.image)
    assert restored.loss == good.loss
    monkeypatch.setattr(gatys.Objective, "evaluate", original)
    assert next(run).notice == ""


def test_a_run_that_stays_out_of_range_ends_with_the_last_good_picture(monkeypatch):
    run = style_transfer(photo(), stripes(), steps=50, **EXACT)
    good = next(run)
    original = gatys.Objective.evaluate

    def broken(self, point):
        state = original(self, point)
        return gatys.Evaluation(math.inf, state.gradient, state.content, state.style, state.variation)

    monkeypatch.setattr(gatys.Objective, "evaluate", broken)
    rest = list(run)
    assert len(rest) < 10
    assert rest[-1].notice == "stopped"
    assert rest[-1].notice_text("ko") == STYLE_TEXTS["stopped"][1]
    assert torch.equal(rest[-1].image, good.image)


@pytest.mark.parametrize("colour", ["style", "luminance", "histogram"])
@pytest.mark.parametrize("flat", [0, 128, 255])
def test_flat_pictures_stay_finite(colour, flat):
    picture = torch.full((1, 20, 20), flat, dtype=torch.uint8)
    for pair in ((picture, stripes()), (photo(), picture), (picture, picture)):
        records = list(style_transfer(*pair, steps=3, colour=colour, **EXACT))
        assert all(math.isfinite(r.loss) and r.notice == "" for r in records)


def test_luminance_only_keeps_the_colours_of_the_content():
    content = (photo(seed=5).float() * 0.4 + 70).byte()  # away from the ends, so that nothing is clipped
    record = list(style_transfer(content, stripes(), steps=6, colour="luminance", **EXACT))[-1]
    before, after = to_yiq(content[None] / 255), to_yiq(record.image[None] / 255)
    assert (before[:, 1:] - after[:, 1:]).abs().median() < 0.01
    assert (before[:, 0] - after[:, 0]).abs().mean() > 0.01


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (torch.zeros(3, 1, 1, dtype=torch.uint8), "too_small"),
        (torch.zeros(3, 1, 3000, dtype=torch.uint8), "too_small"),
        (torch.zeros(2, 8, 8), "not_a_picture"),
        (torch.zeros(3, 0, 8), "not_a_picture"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), "not_a_picture"),
        (torch.full((3, 32, 32), math.nan), "not_finite"),
        ("a.png", "not_a_picture"),
    ],
)
def test_pictures_that_cannot_be_used_are_refused_in_two_languages(content, code):
    with pytest.raises(StyleError) as refused:
        next(style_transfer(content, stripes(), **{**EXACT, "size": None}))
    assert refused.value.code == code
    assert refused.value.sentence("ko") != refused.value.sentence("en") == str(refused.value)
    again = pickle.loads(pickle.dumps(refused.value))
    assert (again.code, again.values) == (refused.value.code, refused.value.values)


def test_a_style_of_one_pixel_works():
    one = torch.tensor([200, 30, 90], dtype=torch.uint8).view(3, 1, 1)
    assert math.isfinite(list(style_transfer(photo(), one, steps=2, **EXACT))[-1].loss)


@pytest.mark.parametrize(
    "setting",
    [{"size": 0}, {"size": 10**6}, {"alpha": -1.0}, {"network": "vgg99"}, {"colour": "blue"}, {"levels": 0},
     {"x": 1}, {"style_scale": 0.0}, {"steps": 0}, {"pooling": "min"}, {"seed": -1}, {"style_shares": (0.0,)},
     {"style_layers": "relu1_1"}, {"start": None}, {"learning_rate": 0.0}]
)  # fmt: skip
def test_settings_out_of_range_are_named(setting):
    with pytest.raises(StyleError) as refused:
        next(style_transfer(photo(), stripes(), **{**EXACT, **setting}))
    assert refused.value.code == "setting"
    assert str(refused.value.values["name"]) in {*setting, "style_layers"}


def test_every_notice_and_error_has_two_languages():
    for english, korean in STYLE_TEXTS.values():
        assert english
        assert any("가" <= letter <= "힣" for letter in korean)


def test_records_can_be_pickled():
    record = next(style_transfer(photo(), stripes(), steps=1, **FAST))
    assert pickle.loads(pickle.dumps(record)).loss == record.loss


def test_content_reconstruction_comes_near_the_picture():
    small = {key: EXACT[key] for key in ("network", "precision")}
    records = list(content_reconstruction(photo(), layer="relu1_1", steps=40, **small))
    assert records[-1].style_losses == {}
    assert records[-1].content_loss < 0.02 * records[0].content_loss
    assert (records[-1].image.float() - photo().float()).abs().mean() < 8


def test_style_reconstruction_has_the_grams_and_not_the_places():
    small = {key: EXACT[key] for key in ("network", "precision")}
    records = list(style_reconstruction(stripes(), layers=("relu1_1", "relu2_1"), steps=30, **small))
    assert records[-1].content_losses == {}
    assert records[-1].style_loss < 0.15 * records[0].style_loss


def test_a_run_can_be_checked_before_it_is_begun():
    gatys.check_style_transfer(photo(), stripes(), **EXACT)
    for pictures, settings in (
        ((photo(1, 1), stripes()), {}),
        ((photo(), []), {}),
        ((photo(), stripes()), {"alpha": 0.0, "beta": 0.0}),
        ((photo(), stripes()), {"style_shares": (1.0, 2.0)}),
        ((photo(), stripes()), {"style_layers": ("relu9_9",)}),
    ):
        with pytest.raises(StyleError):
            gatys.check_style_transfer(*pictures, **{**EXACT, **settings})
        with pytest.raises(StyleError):
            next(style_transfer(*pictures, **{**EXACT, **settings}))


def test_a_beta_asked_for_keeps_its_proportion_at_coarse_sizes():
    settings = {**FAST, "size": None, "precision": "float32", "beta": 8.0, "levels": 2}
    coarse, fine = style_transfer(photo(64, 64), stripes(64, 64), steps=2, **settings)
    assert (coarse.weights.beta, fine.weights.beta) == (2.0, 8.0)
