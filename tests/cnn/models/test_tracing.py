"""Traced graphs against torchvision's names and the networks' own outputs."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.feature_extraction import NodePathTracer

from cnn.models.registry import MODELS, build_model, model_record, model_skeleton
from cnn.models.running import Runner, value_of
from cnn.models.tracing import TraceError, recorded, trace

NAMED_ALIKE = [
    "resnet18",
    "inception_v3",
    "densenet121",
    "efficientnet_b0",
    "mobilenet_v3_small",
    "regnet_y_400mf",
]


@pytest.mark.parametrize("name", NAMED_ALIKE)
def test_names_are_torchvisions(name: str) -> None:
    model = build_model(name)
    tracer = NodePathTracer()
    tracer.trace(model)
    assert list(trace(model).names.values())[:-1] == list(tracer.node_to_qualname.values())


@pytest.mark.parametrize("name", [record.name for record in MODELS])
def test_fx_traces_every_registered_network(name: str) -> None:
    network = trace(model_skeleton(name))
    assert network.by_fx
    assert len(network.nodes) == len(network.names)


@pytest.mark.parametrize(
    "name", ["lenet5", "resnet18", "unet", "yolo", "mobilenet_v2", "swin_t", "shufflenet_v2_x0_5"]
)
def test_running_the_graph_is_running_the_network(name: str) -> None:
    record = model_record(name)
    model = build_model(name)
    size = 32 if name == "lenet5" else max(64, record.minimum_size)
    image = torch.rand(2, record.input_shape[0], size, size)
    network = trace(model)
    with torch.inference_mode():
        *_, (_, found) = Runner(network).values(image)
        torch.testing.assert_close(found, model(image), rtol=0, atol=0)


def test_tracing_leaves_no_attribute_on_the_network() -> None:
    class WithConstant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.tensor([2.0])

    model = WithConstant()
    before = set(vars(model))
    network = trace(model)
    assert set(vars(model)) == before
    *_, (_, found) = Runner(network).values(torch.ones(1, 1, 2, 2))
    assert torch.equal(found, torch.full((1, 1, 2, 2), 2.0))


class Branching(nn.Module):
    """torch.fx refuses it: what it computes depends on sizes and values."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.first(x))
        if y.shape[-1] > 4:
            y += self.second(y)
        for part in y.split(1, dim=1):
            if part.abs().sum() >= 0:
                y = torch.cat([y, part], 1)
        return y


def test_a_network_that_branches_is_recorded() -> None:
    model = Branching().eval()
    image = torch.rand(1, 1, 8, 8)
    with pytest.raises(TraceError):
        trace(model)
    network = trace(model, lambda: image)
    assert not network.by_fx
    with torch.inference_mode():
        *_, (_, found) = Runner(network).values(image)
        torch.testing.assert_close(found, model(image))
        assert value_of(network, image, network.nodes["first"]).shape == (1, 2, 8, 8)


def test_a_recording_of_a_traceable_network_computes_the_same() -> None:
    model = build_model("resnet18")
    image = torch.rand(1, 3, 40, 40)
    network = recorded(model, image)
    with torch.inference_mode():
        *_, (_, found) = Runner(network).values(image)
        torch.testing.assert_close(found, model(image), rtol=0, atol=0)


def test_a_block_stands_for_its_last_layer() -> None:
    network = trace(build_model("resnet18"))
    assert network.names[network.resolve("layer4")] == "layer4.1.relu_1"
    assert network.names[network.resolve("layer1.0.conv1")] == "layer1.0.conv1"
    with pytest.raises(KeyError, match=r"layer9.*similar"):
        network.resolve("layer9")


def test_a_change_reaches_what_follows() -> None:
    model = build_model("lenet5")
    image = torch.rand(1, 1, 32, 32)
    network = trace(model)
    node = network.nodes["c1"]
    values = Runner(network).values(image, change=lambda n, v: v * 0 if n is node else v)
    with torch.inference_mode():
        found = {network.names[n]: v for n, v in values}
    assert found["c1"].abs().max() == 0
    assert found["tanh1"].abs().max() == 0


def test_other_threads_run_and_trace_undisturbed() -> None:
    # torch.fx replaces nn.Module.__call__ for the whole process while it traces.
    running = build_model("lenet5")
    image = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        wanted = running(image)
    call = nn.Module.__call__
    errors: list[BaseException] = []
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                with torch.no_grad():
                    assert torch.equal(running(image), wanted)
            except BaseException as error:
                errors.append(error)
                return

    def trace_again() -> None:
        try:
            for _ in range(8):
                assert len(trace(running).nodes) == 14
                trace(model_skeleton("resnet18"))
        except BaseException as error:
            errors.append(error)

    runners = [threading.Thread(target=run) for _ in range(2)]
    tracers = [threading.Thread(target=trace_again) for _ in range(3)]
    for thread in (*runners, *tracers):
        thread.start()
    for thread in tracers:
        thread.join()
    stop.set()
    for thread in runners:
        thread.join()
    assert errors == []
    assert nn.Module.__call__ is call
