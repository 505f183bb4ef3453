import pickle
import socket

import numpy as np
import pytest
import torch
from torch import nn

from cnn.jobs.transport import Channel, decode, encode
from tests.cnn.jobs.sample_jobs import Count, Payload


@pytest.fixture
def ends():
    one, other = map(Channel.over, socket.socketpair())
    yield one, other
    one.close()
    other.close()


def test_messages_arrive_with_their_frames(ends):
    one, other = ends
    one.send("kind", {"a": [1, None]}, (b"", b"xyz", bytearray(50_000)))
    kind, details, frames = other.receive()
    assert (kind, details, [len(frame) for frame in frames]) == ("kind", {"a": [1, None]}, [0, 3, 50_000])


@pytest.mark.parametrize("junk", [b"\xff\xff\xff\xff", b"\0\0\0\2{}", b"\0\0\0\x05[1,2]", b"\0\0"])
def test_junk_and_a_closed_end_are_os_errors(junk):
    one, other = socket.socketpair()
    one.sendall(junk)
    one.close()
    with pytest.raises(OSError, match=r"wanted|gone"):
        Channel.over(other).receive()


def test_a_message_of_impossible_size_is_refused(ends):
    one, other = ends
    header = b'["record", {}, [99999999999]]'
    one._write(len(header).to_bytes(4, "big") + header)
    with pytest.raises(OSError, match="wanted at most"):
        other.receive()


def test_modules_and_records_survive():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    model[0].weight.requires_grad_(False)
    copy = decode(encode(model))
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), copy.state_dict().values(), strict=True)
    )
    assert [p.requires_grad for p in copy.parameters()] == [p.requires_grad for p in model.parameters()]
    assert decode(encode(Count(1, 2, {"m": 3}))) == Count(1, 2, {"m": 3})


def test_what_happens_to_a_tensor_later_does_not_change_what_was_encoded():
    tensor, array = torch.ones(1000), np.ones(1000)
    frames = encode((tensor, array))
    tensor.zero_()
    array[:] = 0
    assert decode(frames)[0].sum() == decode(frames)[1].sum() == 1000


def test_a_view_travels_without_what_it_is_a_view_of():
    large = torch.zeros(1_000_000)
    assert sum(map(len, encode(large[:10]))) < 2000


@pytest.mark.parametrize(
    "value", [Payload("/nonexistent"), Count(1, 2), print, nn.Linear(1, 1), np.random.seed]
)
def test_untrusted_frames_build_plain_data_only(value):
    frames = encode([1, value])
    with pytest.raises(pickle.UnpicklingError, match="wanted plain data"):
        decode(frames, trusted=False)


def test_untrusted_tensor_of_an_invented_kind_is_refused():
    frames = encode(torch.ones(3))
    forged = (frames[0].replace(b"float32", b"compile"), *frames[1:])
    with pytest.raises(pickle.UnpicklingError, match="torch dtype"):
        decode(forged, trusted=False)
