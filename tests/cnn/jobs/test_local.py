"""The local engine: what a job's handle does, and what becomes of workers that misbehave."""

import os
import signal
import time

import pytest

from cnn.jobs import JobOptions, QueueFull
from tests.cnn.jobs import sample_jobs as jobs

SLACK = 0.35  # s on a machine that is busy with other things


def start(engine, function, session="a", **parameters):
    options = parameters.pop("options", None) or JobOptions(session=session)
    return engine.submit(function, parameters, options)


def test_records_arrive_in_order_and_the_end_is_reached(engine):
    job = start(engine, jobs.counting, steps=12, delay=0, options=JobOptions(history=100))
    assert job.wait(10) == "finished"
    assert [(number, record.step) for number, record in job.records_since()] == [(n, n) for n in range(1, 13)]
    assert [number for number, _ in job.records_since(10)] == [11, 12]
    assert job.latest().step == job.index == 12
    assert job.latest() is job.latest()
    assert (job.progress, job.eta, job.position, job.error) == (1.0, 0.0, 0, None)


def test_without_history_only_the_newest_is_kept_and_fast_ones_are_skipped(engine):
    job = start(engine, jobs.counting, steps=2000, delay=0)
    assert job.wait(10) == "finished"
    assert [record.step for _, record in job.records_since()] == [2000]


def test_history_is_bounded_in_count_and_bytes(engine):
    few = start(engine, jobs.counting, steps=30, delay=0, options=JobOptions(history=5))
    assert few.wait(10) == "finished"
    assert [number for number, _ in few.records_since()] == [26, 27, 28, 29, 30]
    big = start(engine, jobs.changing_array, steps=9, options=JobOptions(history=9, history_bytes=1_000_000))
    assert big.wait(10) == "finished"
    assert [number for number, _ in big.records_since()] == [8, 9]


def test_a_record_is_what_it_was_at_the_yield(engine):
    job = start(engine, jobs.changing_array, steps=5, options=JobOptions(history=5))
    assert job.wait(10) == "finished"
    assert [(int(values.min()), int(values.max())) for _, values in job.records_since()] == [
        (number, number) for number in range(5)
    ]


def test_ten_jobs_one_after_the_other_begin_within_half_a_second(engine):
    delays, pids = [], set()
    start(engine, jobs.counting, steps=1).wait(10)
    for _ in range(10):
        began = time.perf_counter()
        job = start(engine, jobs.counting, steps=1, delay=0)
        assert job.wait_record(timeout=10).step == 1
        delays.append(time.perf_counter() - began)
        pids.add(job.latest().pid)
        assert job.wait(10) == "finished"
    assert sorted(delays)[5] < 0.5
    assert len(pids) == 10, "every job has a process of its own"


def test_pause_step_resume(engine, until):
    job = start(engine, jobs.counting, steps=10_000)
    job.wait_record(after=3, timeout=10)
    job.pause()
    assert job.state == "paused"
    time.sleep(0.2)
    held = job.index
    time.sleep(0.2)
    assert job.index == held
    job.step()
    until(lambda: job.index == held + 1)
    time.sleep(0.1)
    assert (job.index, job.state) == (held + 1, "paused")
    job.resume()
    assert job.wait_record(after=held + 3, timeout=5) is not None
    assert job.state == "running"


def test_a_job_paused_while_it_waits_begins_paused_and_can_be_cancelled(engine, until):
    first = start(engine, jobs.counting, steps=10_000)
    second = start(engine, jobs.counting, session="b", steps=10_000)
    second.pause()
    assert second.state == "queued"
    first.cancel()
    until(lambda: second.state == "paused")
    second.cancel()
    assert until(lambda: not engine.worker_ids()) < 0.5 + SLACK


def test_a_paused_job_lends_its_slot(engine):
    first = start(engine, jobs.counting, steps=10_000)
    first.wait_record(timeout=10)
    second = start(engine, jobs.counting, session="b", steps=3)
    assert second.position == 1
    first.pause()
    assert second.wait(5) == "finished"
    assert first.state == "paused"


def test_steering_reaches_the_next_yield(engine, until):
    job = start(engine, jobs.remembering, steps=10_000, delay=0.02)
    job.wait_record(timeout=10)
    job.send({"rate": 0.5})
    assert until(lambda: job.latest() == ({"rate": 0.5},)) < 0.1 + SLACK


def test_messages_that_wait_are_merged_and_none_is_lost(engine):
    job = start(engine, jobs.remembering, steps=6, delay=0.1)
    for value in range(50):
        job.send({"rate": value, f"key{value % 3}": value})
    job.send("other")
    assert job.wait(10) == "finished"
    *merged, last = job.latest()
    assert last == "other"
    together = {name: value for message in merged for name, value in message.items()}
    assert together == {"rate": 49, "key0": 48, "key1": 49, "key2": 47}
    assert len(merged) <= 3


@pytest.mark.parametrize("function", [jobs.counting, jobs.deaf, jobs.never_yielding])
def test_cancel_takes_effect_within_half_a_second(engine, until, function):
    job = start(engine, function, **({"steps": 10_000} if function is jobs.counting else {}))
    until(lambda: job.state == "running")
    time.sleep(0.2)
    (pid,) = engine.worker_ids()
    job.cancel()
    assert job.state == "cancelled"
    assert until(lambda: not jobs.is_alive(pid)) < 0.5 + SLACK
    until(lambda: not engine.worker_ids())
    if function is not jobs.never_yielding:
        assert job.latest().step >= 1, "what it made is kept"
    assert start(engine, jobs.counting, steps=1).wait(5) == "finished"


@pytest.mark.parametrize("number", [jobs.SEGMENTATION_FAULT, jobs.KILLED])
def test_a_worker_that_dies_is_replaced_and_its_job_says_so(engine, number, caplog):
    job = start(engine, jobs.dying, signal_number=number)
    assert job.wait(10) == "failed"
    assert job.error.code == "crashed"
    assert signal.Signals(number).name in job.error.text()
    assert job.error.log_id in job.error.text("ko")
    assert job.error.log_id in caplog.text
    assert job.latest().step == 1
    assert start(engine, jobs.counting, steps=1).wait(5) == "finished"


def test_lost_zygote_is_replaced(engine, zygote, until):
    job = start(engine, jobs.counting, steps=10_000)
    pid = job.wait_record(timeout=10).pid
    os.kill(zygote._process.pid, signal.SIGKILL)
    assert job.wait(5) == "failed"
    assert job.error.code == "crashed"
    until(lambda: not jobs.is_alive(pid))
    assert start(engine, jobs.counting, steps=1).wait(20) == "finished"


def test_an_exception_is_a_sentence_for_the_person_and_a_traceback_for_the_log(engine, caplog):
    job = start(engine, jobs.failing, text="wanted a size above 31, got 7.")
    assert job.wait(10) == "failed"
    assert job.error.text() == f"The job could not go on: wanted a size above 31, got 7. [{job.error.log_id}]"
    assert "wanted a size above 31, got 7" in job.error.text("ko")
    assert "Traceback" not in job.error.text()
    assert "Traceback" in caplog.text
    assert "sample_jobs.py" in caplog.text
    unplanned = start(engine, jobs.dividing)
    assert unplanned.wait(10) == "failed"
    assert "ZeroDivisionError" in unplanned.error.text()
    assert "by zero" not in unplanned.error.text()


def test_time_limit(engine):
    options = JobOptions(time_limit=0.4)
    job = start(engine, jobs.counting, steps=10_000, options=options)
    assert job.wait(5) == "failed"
    assert job.error.code == "time_limit"
    assert 0.4 <= job.elapsed < 0.7 + SLACK
    assert job.latest().step > 1


def test_time_limits_by_kind(engine):
    def limit(kind):
        job = start(engine, jobs.counting, steps=1, options=JobOptions(kind=kind))
        job.cancel()
        return job.time_limit

    assert (limit("style"), limit("training"), limit("unheard-of")) == (600, 1800, 600)


def test_memory_limit(engine):
    options = JobOptions(memory_limit=200 << 20)
    job = start(engine, jobs.growing, step_bytes=10 << 20, options=options)
    assert job.wait(10) == "failed"
    assert job.error.code == "memory"
    assert "200 MB" in job.error.text()
    assert 15 <= job.latest() < 60


def test_workers_give_way_to_interactive_work(engine):
    job = start(engine, jobs.reporting)
    assert job.wait(10) == "finished"
    report = job.latest()
    assert report["nice"] == os.nice(0) + 5
    assert report["threads"] == str(max(1, os.cpu_count() - 1))
    assert report["tasks"] == 3, "the work, its commands, its records: no thread of the server's"
    assert int(report["adjusted"]) > 0


def test_notices_are_told_apart_from_records(engine):
    job = start(engine, jobs.noticing)
    assert job.wait(10) == "finished"
    assert job.latest() == "after"
    assert [notice.text() for notice in job.notices] == [
        "The accelerator's memory was full, so this ran again with size 8."
    ]
    assert "size 8" in job.notices[0].text("ko")


def test_queue_is_bounded_and_refuses_kindly(make_engine):
    engine = make_engine(queue_limit=3)
    running = start(engine, jobs.counting, session="s", steps=10_000)
    waiting = [start(engine, jobs.counting, session=f"s{n}", steps=1) for n in range(3)]
    assert [job.position for job in (running, *waiting)] == [0, 1, 2, 3]
    with pytest.raises(QueueFull) as refusal:
        start(engine, jobs.counting, session="s9", steps=1)
    assert refusal.value.code == "queue_full"
    assert "3" in refusal.value.text("en")
    assert "3" in refusal.value.text("ko")
    assert refusal.value.text("ko") != refusal.value.text("en")
    again = start(engine, jobs.counting, session="s1", steps=1)
    assert (waiting[1].state, again.position) == ("cancelled", 2), "its own place is free to the session"
    running.cancel()
    assert [job.wait(10) for job in (waiting[0], again, waiting[2])] == ["finished"] * 3


def test_position_and_estimated_wait(engine):
    for _ in range(2):
        start(engine, jobs.counting, steps=20, delay=0.01).wait(10)
    blocker = start(engine, jobs.deaf, session="x")
    first = start(engine, jobs.counting, session="b", steps=20)
    second = start(engine, jobs.counting, session="c", steps=20)
    assert blocker.estimated_wait == 0
    assert [first.position, second.position] == [1, 2]
    assert first.estimated_wait is None, "no deaf job has been seen to its end"
    assert second.estimated_wait == pytest.approx(2 * 0.25, abs=0.3)
    blocker.cancel()
    assert second.wait(10) == "finished"


def test_newest_heavy_job_of_a_session_wins(make_engine, until):
    engine = make_engine(slots=4)
    sent, most = [], 0
    for _ in range(12):
        sent.append(start(engine, jobs.counting, steps=10_000))
        time.sleep(0.03)
        most = max(most, len(engine.worker_ids()))
    until(lambda: sent[-1].state == "running")
    assert most == 1
    assert [job.state for job in sent[:-1]] == ["cancelled"] * 11
    assert len(engine.jobs("a")) == 1


def test_work_of_nobody_in_particular_replaces_nothing(make_engine):
    engine = make_engine(slots=2)
    both = [start(engine, jobs.counting, session="", steps=5) for _ in range(2)]
    assert [job.wait(10) for job in both] == ["finished", "finished"]


def test_light_jobs_of_a_session_run_beside_its_heavy_one(make_engine):
    engine = make_engine(slots=2)
    heavy = start(engine, jobs.counting, steps=10_000)
    light = start(engine, jobs.counting, steps=3, options=JobOptions(session="a", heavy=False))
    assert light.wait(10) == "finished"
    assert heavy.state == "running"


def test_sessions_take_turns(engine, until):
    blocker = start(engine, jobs.counting, session="x", steps=10_000)
    until(lambda: blocker.state == "running")

    def light(session):
        return start(engine, jobs.counting, steps=1, options=JobOptions(session=session, heavy=False))

    greedy = [light("greedy") for _ in range(5)]
    modest = [light("modest"), light("humble")]
    assert [job.position for job in greedy] == [1, 4, 5, 6, 7]
    assert [job.position for job in modest] == [2, 3]
    blocker.cancel()
    assert all(job.wait(10) == "finished" for job in (*greedy, *modest))
    order = sorted((*greedy, *modest), key=lambda job: job.started)
    assert [job.session for job in order[:3]] == ["greedy", "modest", "humble"]


def test_devices_have_queues_of_their_own(engine):
    start(engine, jobs.counting, steps=10_000)
    other = start(engine, jobs.counting, steps=2, options=JobOptions(session="b", device="cuda:0"))
    assert other.wait(10) == "finished"


def test_a_left_session_is_cancelled_within_two_seconds(engine, until):
    job = start(engine, jobs.deaf)
    job.wait_record(timeout=10)
    (pid,) = engine.worker_ids()
    engine.leave("a")
    assert 0.5 < until(lambda: not jobs.is_alive(pid)) < 2.0
    assert job.state == "cancelled"


def test_a_session_that_comes_back_keeps_its_job(engine):
    job = start(engine, jobs.counting, steps=10_000)
    engine.leave("a")
    time.sleep(0.5)
    job.touch()
    time.sleep(1.2)
    assert job.state == "running"


def test_a_held_job_rests_while_its_session_is_gone_and_goes_on_with_it(engine, until):
    job = start(engine, jobs.counting, steps=10_000, options=JobOptions(session="a", held_for=60))
    job.wait_record(timeout=10)
    engine.leave("a")
    until(lambda: job.state == "paused")
    time.sleep(0.3)
    resting = job.index
    time.sleep(0.3)
    assert job.index == resting
    engine.touch("a")
    until(lambda: job.index > resting)
    job.pause()
    engine.leave("a")
    time.sleep(1.6)
    engine.touch("a")
    time.sleep(0.4)
    assert job.state == "paused", "a person paused it"


def test_a_held_job_goes_on_with_another_session_and_ends_with_that(engine, until):
    job = start(engine, jobs.counting, steps=10_000, options=JobOptions(session="a", held_for=2.0))
    waits = start(engine, jobs.counting, steps=1, session="c", options=JobOptions(session="c", held_for=2.0))
    job.wait_record(timeout=10)
    engine.leave("a")
    until(lambda: job.state == "paused")
    job.hand_over("b")
    waits.hand_over("b")
    until(lambda: job.state == "running")
    assert engine.jobs("a") == ()
    engine.cancel_session("c")
    assert set(engine.jobs("b")) >= {job}
    engine.leave("b")
    assert 1.9 < until(lambda: job.done) < 4.0
    assert job.state == "cancelled"


def test_a_held_job_that_waits_is_not_begun_before_its_session_is_back(engine, until):
    first = start(engine, jobs.counting, session="b", steps=10_000)
    waits = start(engine, jobs.counting, steps=1, options=JobOptions(session="a", held_for=60))
    after = start(engine, jobs.counting, session="c", steps=1)
    engine.leave("a")
    time.sleep(1.6)
    first.cancel()
    assert after.wait(10) == "finished"
    time.sleep(0.3)
    assert waits.state == "queued"
    engine.touch("a")
    assert waits.wait(10) == "finished"


def test_abandoned_jobs_end(engine):
    job = start(engine, jobs.counting, steps=10_000, options=JobOptions(abandon_after=0.6))
    for _ in range(8):
        time.sleep(0.1)
        job.touch()
    assert job.state == "running"
    assert job.wait(1.2) == "cancelled"


def test_cancel_session_ends_its_jobs_only(make_engine):
    engine = make_engine(slots=2)
    mine, other = (start(engine, jobs.counting, session=name, steps=10_000) for name in "ab")
    waiting = start(engine, jobs.counting, options=JobOptions(session="a", heavy=False), steps=1)
    engine.cancel_session("a")
    assert [mine.state, waiting.state] == ["cancelled", "cancelled"]
    assert not other.done


def test_shutdown_leaves_no_process_and_takes_no_job(make_engine):
    engine = make_engine(slots=2)
    running = [start(engine, jobs.deaf, session=name) for name in "ab"]
    pids = [job.wait_record(timeout=10).pid for job in running]
    engine.shutdown()
    assert not any(map(jobs.is_alive, pids))
    with pytest.raises(RuntimeError, match="shut down"):
        start(engine, jobs.counting, steps=1)
