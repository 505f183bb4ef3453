"""What computes, what waits, and a demo job to pause, steer and stop."""

from __future__ import annotations

import streamlit as st

from app import state
from app.figures.server.status import frame_url, memory_text, queue_text, runtime_text
from app.pictures import as_photo
from app.session_devices import device_of
from app.widgets.screen import Screen, close_screen, open_screen
from cnn.device import describe, parse_device
from cnn.images.encode import resize_to
from cnn.jobs import Job, JobOptions, QueueFull, get_engine, submit
from cnn.jobs.demo import diffusion

SIDE = 384


def page() -> None:
    """Draw the facts, and the demo job with its controls."""
    screen = open_screen("status")
    states = [job.state for job in get_engine().jobs()]
    facts = st.columns(3)
    facts[0].metric(screen.words("device"), describe(parse_device(device_of(screen.session))))
    facts[1].metric(screen.words("memory"), memory_text())
    facts[2].metric(
        screen.words("queue"), f"{len(states) - states.count('queued')} / {states.count('queued')}"
    )
    st.caption(runtime_text(screen.words, device_of(screen.session)))
    st.subheader(screen.words("try_job"))
    st.caption(screen.words("try_hint"))
    left, right = st.columns([1, 2])
    with left:
        rate = st.slider(screen.words("rate"), 0.01, 0.25, 0.2, 0.01, key=screen.key("rate"))
        if st.button(screen.words("start"), type="primary", key=screen.key("start")):
            _start(screen, rate)
    job = st.session_state.get(screen.key("job"))
    if job is not None:
        if not job.done:
            job.send({"rate": rate})
        with right:
            st.fragment(_follow, run_every=None if job.done else 0.25)(screen, job)
    close_screen(screen)


def _start(screen: Screen, rate: float) -> None:
    image = resize_to(as_photo(screen.picture), SIDE)
    options = JobOptions(session=screen.session, kind="diffusion")
    try:
        job = submit(diffusion, options=options, image=image, steps=200, rate=rate)
    except QueueFull as full:
        st.warning(full.text(screen.language))
        return
    st.session_state[state.widget_key("status", "job")] = job


def _follow(screen: Screen, job: Job) -> None:
    """Show the job's newest record; the fragment stops asking when the job has ended."""
    words = screen.words
    job.touch()
    with st.container(horizontal=True):
        st.markdown(f"**{words('state_' + job.state)}**", width="content")
        if job.state == "running" and st.button(words("pause"), key=screen.key("pause")):
            job.pause()
        if job.state == "paused" and st.button(words("resume"), key=screen.key("resume")):
            job.resume()
        if not job.done and st.button(words("stop"), key=screen.key("stop")):
            job.cancel()
    if job.position:
        st.text(queue_text(words, job.position, job.estimated_wait))
    record = job.latest()
    if record is not None:
        st.progress(record.step / record.steps, text=words("step", step=record.step, steps=record.steps))
        st.image(frame_url(record.image), width=record.image.shape[2], alt=screen.picture.alt)
    if job.error is not None:
        st.error(job.error.text(screen.language))
    if job.done and st.session_state.get(screen.key("ended")) != job.id:
        st.session_state[screen.key("ended")] = job.id
        st.rerun()
