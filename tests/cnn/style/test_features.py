"""Feature extractors: cut, frozen, nothing in place; the random VGG's normalisation; the order of choice."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from cnn.style.errors import StyleError
from cnn.style.features import NETWORKS, best_network, extractor, style_network
from cnn.style.grams import gram_matrices

VGG = style_network("random-vgg19")


def image(size=48):
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(3))
    return F.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)


def test_maps_are_those_of_torchvisions_vgg19_with_the_same_weights():
    layers = ("conv1_1", "relu1_2", "relu2_2", "conv3_4", "pool3", "relu4_1")
    cut = extractor(VGG, layers)
    theirs = torchvision.models.vgg19(weights=None, num_classes=1).features.eval()
    convolutions = [m for m in theirs if isinstance(m, nn.Conv2d)]
    own = [m for m in cut.stages if isinstance(m, nn.Conv2d)]
    for mine, other in zip(own, convolutions, strict=False):
        other.load_state_dict(mine.state_dict())
    for module in theirs:
        if isinstance(module, nn.ReLU):
            module.inplace = False
    x = (image() - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(1, 3, 1, 1)
    wanted, index = {}, dict(zip(layers, (0, 3, 8, 16, 18, 20), strict=True))
    with torch.no_grad():
        for number, module in enumerate(theirs[:21]):
            x = module(x)
            wanted[number] = x
    for name, features in cut(image()).items():
        torch.testing.assert_close(features, wanted[index[name]], rtol=1e-4, atol=1e-4)


def test_nothing_after_the_last_layer_nothing_in_place_nothing_trainable():
    cut = extractor(VGG, ("relu2_1", "relu1_1"))
    assert cut.names[-1] == "relu2_1"
    assert len(cut.stages) == 7
    assert not any(p.requires_grad for p in cut.parameters())
    assert not any(getattr(m, "inplace", False) for m in cut.modules())
    assert not any(m.training for m in cut.modules())


def test_random_weights_are_seeded_and_the_same_however_deep_the_cut():
    shallow, deep = extractor(VGG, ("relu1_2",)), extractor(VGG, ("relu3_1",))
    for mine, other in zip(shallow.stages, deep.stages, strict=False):
        for a, b in zip(mine.parameters(), other.parameters(), strict=True):
            assert torch.equal(a, b)


def test_no_random_filter_is_dead_and_the_layers_are_alike():
    maps = extractor(VGG, ("relu1_1", "relu2_1", "relu3_1", "relu4_1"))(image(64))
    for features in maps.values():
        assert 0.3 < features.mean() < 3
        assert (features.amax((0, 2, 3)) > 0).float().mean() > 0.9


def test_average_pooling_replaces_max_pooling():
    cut = extractor(VGG, ("pool1",), pooling="average")
    torch.testing.assert_close(
        cut(image())["pool1"], F.avg_pool2d(extractor(VGG, ("relu1_2",))(image())["relu1_2"], 2)
    )


@pytest.mark.parametrize("network", [n for n in NETWORKS if n.available()], ids=lambda n: n.name)
def test_every_network_has_its_layers_at_the_sizes_it_says(network):
    size = 64
    maps = extractor(network, network.layers)(image(size))
    for name, features in maps.items():
        assert features.shape[-1] == size // network.reduction[name], name
    smallest = network.minimum_size(network.layers)
    assert all(m.numel() for m in extractor(network, network.layers)(image(smallest)).values())
    assert set(network.content_layers + network.style_layers) <= set(network.layers)


def test_the_best_network_is_the_first_whose_weights_are_there():
    assert best_network() == next(n for n in NETWORKS if n.available())
    assert NETWORKS[-1].name == "random-vgg19"
    assert "random" in NETWORKS[-1].label_en


@pytest.mark.parametrize(
    ("layers", "pooling", "code"),
    [(("relu9_9",), "max", "unknown_layer"), ((), "max", "no_layers"), (("relu1_1",), "min", "setting")],
)
def test_what_is_not_there_is_named(layers, pooling, code):
    with pytest.raises(StyleError) as refused:
        extractor(VGG, layers, pooling=pooling)
    assert refused.value.code == code


def test_gram_matrices_of_a_picture():
    layers = ("relu1_1", "relu2_1")
    found = gram_matrices(image()[0], network="random-vgg19", layers=layers, size=None)
    maps = extractor(VGG, layers)(image())
    for name in layers:
        flat = maps[name][0].flatten(1)
        assert found[name].positions == flat.shape[1]
        torch.testing.assert_close(found[name].values, flat @ flat.t(), rtol=1e-4, atol=1e-2)


def test_vgg19_takes_the_published_weights_where_their_file_is(tmp_path, monkeypatch):
    import hashlib
    from dataclasses import replace

    from cnn.weights import pretrained

    vgg = style_network("vgg19")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert not vgg.available()
    with pytest.raises(StyleError) as refused:
        extractor(vgg, ("relu1_1",))
    assert refused.value.code == "no_weights"
    torch.manual_seed(0)
    network = small_vgg19()
    record = pretrained.pretrained_record("vgg19/IMAGENET1K_V1")
    folder = pretrained.weights_folder()
    folder.mkdir(parents=True)
    torch.save(network.state_dict(), folder / record.file)
    digest = hashlib.sha256((folder / record.file).read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(pretrained, "_BY_NAME", {record.name: replace(record, digest=digest)})
    monkeypatch.setattr(pretrained, "_classifier", lambda record, weights: small_vgg19())
    assert best_network().name == "vgg19"
    x = image()
    with torch.no_grad():
        wanted = network.features[:11](
            (x - torch.tensor(record.mean).view(1, 3, 1, 1)) / torch.tensor(record.std).view(1, 3, 1, 1)
        )
    found = extractor(vgg, ("relu3_1", "relu1_1"))(x)
    torch.testing.assert_close(F.relu(wanted), found["relu3_1"])


def small_vgg19():
    """VGG-19 with a classifier of one weight, so that the file stays small."""
    network = torchvision.models.VGG(nn.Sequential(), init_weights=False)
    network.features = torchvision.models.vgg19(weights=None, num_classes=1, init_weights=False).features[:12]
    network.classifier = nn.Linear(1, 1)
    return network.eval()
