"""The decoding processes: killed, replaced, shared fairly, ended with the program."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnn.images import ImageError, load_image, pool
from cnn.images.pool import DecoderPool
from tests.cnn.images import corpus

ROOT = Path(__file__).resolve().parents[3]
SMALL = corpus.saved(corpus.photo(40, 50), "PNG")
LIMIT = 50_000_000
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture
def pair() -> Iterator[DecoderPool]:
    decoders = DecoderPool(2, seconds=1.0)
    decoders.warm_up()
    for _ in range(2):
        decoders.decode(SMALL, LIMIT)
    yield decoders
    decoders.close()


def script(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_process_imports_neither_torch_nor_streamlit() -> None:
    code = "import cnn.images.worker, sys; print([m for m in ('torch', 'streamlit') if m in sys.modules])"
    assert script(code).strip() == "[]"


def test_the_programs_side_imports_no_decoder() -> None:
    code = "import cnn.images.pool, sys; print([m for m in ('torch', 'cv2', 'PIL') if m in sys.modules])"
    assert script(code).strip() == "[]"


@posix
def test_a_process_that_hangs_is_killed_and_nobody_else_waits(pair: DecoderPool) -> None:
    stopped = pair.pids[0]
    os.kill(stopped, signal.SIGSTOP)
    seconds: list[float] = []
    refused: list[str] = []

    def one() -> None:
        start = time.perf_counter()
        try:
            pair.decode(SMALL, LIMIT)
        except ImageError as error:
            refused.append(error.code)
        else:
            seconds.append(time.perf_counter() - start)

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert refused == ["too_slow"]
    assert len(seconds) == 11
    assert sorted(seconds)[8] < 0.9, "the other process went on working"
    assert stopped not in pair.pids
    assert len(pair.pids) == 2
    assert pair.decode(SMALL, LIMIT).shape == (3, 40, 50)


@posix
def test_a_process_that_died_is_replaced_without_a_word(pair: DecoderPool) -> None:
    for pid in pair.pids:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    assert pair.decode(SMALL, LIMIT).shape == (3, 40, 50)


@posix
def test_a_picture_that_kills_every_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    decoders = DecoderPool(1)
    dies = "import sys; sys.stdout.write('+'); sys.stdout.flush(); sys.stdin.read(9)"
    monkeypatch.setattr("cnn.images.process._MAIN", dies)
    with pytest.raises(ImageError) as caught:
        decoders.decode(SMALL, LIMIT)
    assert caught.value.code == "decoder_lost"
    monkeypatch.undo()
    with pytest.raises(ImageError):  # the last replacement was started before the undoing
        decoders.decode(b"GIF", LIMIT)
    assert decoders.decode(SMALL, LIMIT).shape == (3, 40, 50)
    decoders.close()


def test_thirty_sessions_at_once_each_get_their_own_picture() -> None:
    pictures = [corpus.photo(30 + n, 50 + 2 * n, seed=n) for n in range(30)]
    files = [corpus.saved(picture, "PNG") for picture in pictures]

    def session(number: int) -> bool:
        same = True
        for turn in range(6):
            n = (number + turn) % 30
            got = load_image(files[n], owner=f"session {number}")
            same = same and np.array_equal(got.permute(1, 2, 0).numpy(), pictures[n])
            with pytest.raises(ImageError):
                load_image(files[n][:-30], owner=f"session {number}")
        return same

    with ThreadPoolExecutor(30) as threads:
        assert all(threads.map(session, range(30)))


@posix
def test_one_owner_never_holds_every_process(pair: DecoderPool) -> None:
    refused: list[str] = []

    def ask() -> None:
        with pytest.raises(ImageError) as caught:
            pair.decode(SMALL, LIMIT, owner="greedy")
        refused.append(caught.value.code)

    for pid in pair.pids:
        os.kill(pid, signal.SIGSTOP)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    (spare,) = pair._idle  # two requests wait, yet one process is kept free
    os.kill(spare.pid, signal.SIGCONT)
    start = time.perf_counter()
    assert pair.decode(SMALL, LIMIT, owner="other").shape == (3, 40, 50)
    assert time.perf_counter() - start < 0.7
    os.kill(spare.pid, signal.SIGSTOP)
    for thread in threads:
        thread.join(20)
    assert "too_slow" in refused


def test_owners_take_turns() -> None:
    decoders = DecoderPool(1)
    large = corpus.saved(corpus.photo(900, 900), "PNG")
    order: list[str] = []
    threads = []

    def ask(owner: str) -> None:
        decoders.decode(large, LIMIT, owner)
        order.append(owner)

    decoders.decode(SMALL, LIMIT)
    for owner in ("a",) * 10 + ("b",):
        thread = threading.Thread(target=ask, args=(owner,))
        thread.start()
        threads.append(thread)
        time.sleep(0.002)
    for thread in threads:
        thread.join(30)
    decoders.close()
    assert len(order) == 11
    assert order.index("b") <= 4, "b need not wait for all that a had asked before"


def test_closing_ends_the_processes() -> None:
    decoders = DecoderPool(2)
    decoders.warm_up()
    decoders.decode(SMALL, LIMIT)
    pids = decoders.pids
    decoders.close()
    decoders.close()
    with pytest.raises(ImageError, match="try again"):
        decoders.decode(SMALL, LIMIT)
    assert gone(pids)


def test_shared_pool_starts_again_after_shutting_down() -> None:
    assert load_image(SMALL).shape == (3, 40, 50)
    pool.shut_down()
    pool.shut_down()
    assert load_image(SMALL).shape == (3, 40, 50)


def alive(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())  # empty for a zombie
    except FileNotFoundError:
        return False


def gone(pids: tuple[int, ...]) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("ending", ["", "os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_processes_end_with_the_program(ending: str) -> None:
    code = (
        "import os, signal\n"
        "from cnn.images import pool\n"
        "pool.warm_up()\n"
        f"pool.decode_pixels({SMALL!r}, 10**7)\n"
        "print(*pool._shared_pool().pids, flush=True)\n"
    )
    command = [sys.executable, "-c", code + ending]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    pids = tuple(int(word) for word in done.stdout.split())
    assert len(pids) >= 2, done.stderr
    assert gone(pids)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_has_processes_of_its_own() -> None:
    code = (
        "import os\n"
        "from cnn.images import pool\n"
        f"data = {SMALL!r}\n"
        "pool.decode_pixels(data, 10**7)\n"
        "mine = set(pool._shared_pool().pids)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    ok = pool.decode_pixels(data, 10**7).shape == (3, 40, 50)\n"
        "    ok = ok and not mine & set(pool._shared_pool().pids)\n"
        "    pool.shut_down()\n"
        "    os._exit(0 if ok else 1)\n"
        "status = os.waitpid(child, 0)[1]\n"
        "assert pool.decode_pixels(data, 10**7).shape == (3, 40, 50)\n"
        "print(os.waitstatus_to_exitcode(status))\n"
    )
    assert script(code).strip() == "0"


def test_twelve_megapixels_take_about_what_pillow_takes() -> None:
    data = corpus.saved(Image.fromarray(corpus.photo(300, 400)).resize((4000, 3000)), "JPEG", quality=90)
    load_image(data)
    ours, pillows = [], []
    for _ in range(4):
        start = time.perf_counter()
        load_image(data)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        np.asarray(Image.open(io.BytesIO(data)))
        pillows.append(time.perf_counter() - start)
    assert min(ours) <= 1.5 * min(pillows) + 0.05
