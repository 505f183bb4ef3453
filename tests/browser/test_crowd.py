"""Many visitors at once, and hostile ones: what they may not do to the others. Bounded in count and time, on loopback."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.request
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates

from app.wire import unpack
from tests.browser.conftest import Server
from tests.browser.protocol import Visitor, exceptions_in


def component_block(
    messages: list[ForwardMsg], name: str
) -> tuple[dict[str, object], dict[str, np.ndarray], str]:
    """Return (header, arrays, widget id) of the component `name` in a run's messages."""
    for message in messages:
        element = message.delta.new_element
        if element.WhichOneof("type") == "bidi_component" and element.bidi_component.component_name.endswith(
            name
        ):
            header, arrays = unpack(element.bidi_component.bytes)
            return header, arrays, element.bidi_component.id
    raise LookupError(name)


def upload(server: Server, messages: list[ForwardMsg], picture: np.ndarray) -> str:
    header, _, _ = component_block(messages, "toolbar")
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    request = urllib.request.Request(
        f"{server.url}/convscope/upload",
        data=file.getvalue(),
        headers={"X-ConvScope-Token": header["live"]["token"], "Origin": server.url},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(json.load(answer)["key"])


def test_fault_G1_pictures_that_differ_in_one_pixel_stay_apart(server: Server) -> None:
    base = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    with ExitStack() as stack:
        for number in range(6):
            picture = base.copy()
            picture[10, 10] = number * 40
            visitor = stack.enter_context(Visitor(server.url, "convolution"))
            key = upload(server, visitor.rerun(), picture)
            visitor.query = f"pic={key}"
            messages = visitor.rerun()
            assert not exceptions_in(messages)
            visitor.open_live(messages)
            answer, _ = visitor.live("convolution", {"pic": key, "lanes": [{"channels": "rgb"}]})
            assert "error" not in answer, answer
            _, arrays, _ = component_block(messages, "lab")
            shown = next(a for name, a in arrays.items() if a.dtype == np.uint8 and a.shape[-2:] == (64, 64))
            assert shown[..., 10, 10].max() == number * 40


FORGED = (None, "", "x" * 10_000, -1, 1e308, [], {}, {"lanes": None}, {"lanes": [None]}, {"lanes": [{"stride": "NaN"}]},
          {"lanes": [{"f": {"__proto__": 1}}] * 50}, {"lab": {"lanes": "../../etc/passwd"}}, [[[]]], True)  # fmt: skip


def test_fault_C2_forged_widget_values_harm_nobody(server: Server) -> None:
    with Visitor(server.url, "convolution") as visitor:
        first = visitor.rerun()
        ids = [component_block(first, name)[2] for name in ("toolbar", "lab")]
        for value in FORGED:
            states = WidgetStates()
            for widget in ids:
                state = states.widgets.add()
                state.id = widget
                state.json_value = json.dumps(
                    value if isinstance(value, dict) else {"lab": value, "picked": value}
                )
            messages = visitor.rerun(widget_states=states.SerializeToString())
            assert not exceptions_in(messages), value
        again = visitor.rerun()
        assert component_block(again, "lab")
        assert not exceptions_in(again)


def rerun_seconds(visitor: Visitor, count: int = 8) -> list[float]:
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        visitor.rerun()
        times.append(time.perf_counter() - begun)
    return sorted(times)


def test_fault_C3_a_flood_of_reruns_leaves_the_others_alone(server: Server) -> None:
    with Visitor(server.url, "status") as quiet, Visitor(server.url, "status") as loud:
        quiet.rerun(), loud.rerun()
        alone = rerun_seconds(quiet)[-2]
        for _ in range(500):
            loud.send_rerun()
        beside = rerun_seconds(quiet)[-2]
    assert beside < max(0.5, 4 * alone), (alone, beside)


def test_fault_G2_another_visitor_cannot_empty_the_caches(server: Server) -> None:
    with Visitor(server.url, "convolution") as first, Visitor(server.url, "status") as second:
        first.rerun(), second.rerun()
        before = rerun_seconds(first, 6)[2]
        for _ in range(5):
            message = BackMsg()
            message.clear_cache = True
            second.stream.send(message.SerializeToString())
        after = rerun_seconds(first, 6)[2]
    assert after < 3 * before + 0.1, (before, after)


@pytest.mark.parametrize(
    "path", ["/_stcore/metrics", "/convscope/js/../../app/server.py", "/convscope/js/lab.0000.js"]
)
def test_fault_G3_nothing_else_is_served(server: Server, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(server.url + path, timeout=10)
    assert refused.value.code in (400, 403, 404)


def test_thirty_visitors_move_sliders_and_nobody_starves(server: Server) -> None:
    with ExitStack() as stack:
        visitors = [stack.enter_context(Visitor(server.url, "convolution")) for _ in range(30)]
        for visitor in visitors:
            visitor.open_live(visitor.rerun())
        for turn in range(3):
            for visitor in visitors:
                answer, seconds = visitor.live(
                    "convolution", {"lanes": [{"bank": f"sobel_x~a{10 * turn}"}], "draft": True}
                )
                assert "error" not in answer
                assert seconds < 5
