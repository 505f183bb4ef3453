"""Every other way to a network: torchvision's published weights, random ones, and a person's own file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import streamlit as st

from app.components.bundle import component
from app.network_list import MOST_BYTES, Offer, random_architectures, random_key
from app.open_models import OpenNetwork
from app.own_networks import (
    LEAST_SIDE,
    MOST_CLASSES,
    MOST_SIDE,
    NORMALISATIONS,
    Reading,
    keep_network,
    name_outputs,
    output_names,
)
from app.widgets.screen import Screen, plain
from app.wire import pack
from cnn.jobs import Job, JobOptions, QueueFull, submit
from cnn.weights.errors import WeightsError

POLL_SECONDS = 0.5


class NetworkSheet:
    """The sheet of one screen. `choose(screen, key, reading)` opens a network from the next run on."""

    def __init__(
        self,
        screen: Screen,
        tasks: Sequence[str],
        picked: OpenNetwork | Offer,
        choose: Callable[..., None],
        *,
        bare: bool = False,
    ) -> None:
        self.screen, self.tasks, self.picked, self._choose = screen, tasks, picked, choose
        self.words, self._bare = screen.words, bare

    def draw(self) -> None:
        """Draw the three ways."""
        ways = {"own": self._own, "pretrained": self._published, "random": self._random}
        way = st.segmented_control(
            self.words("picker_way"), list(ways), key=self._key("way"), default="own", required=True,
            format_func=lambda name: self.words(f"picker_tab_{name}"), label_visibility="collapsed",
        )  # fmt: skip
        ways[way or "own"]()

    def follow(self) -> None:
        """Show a download that runs, beside nothing else, until it ends."""
        job = self._job()
        if job is not None:
            st.fragment(_follow, run_every=None if job.done else POLL_SECONDS)(self, job)

    def _key(self, name: str) -> str:
        return self.screen.key(f"sheet_{name}")

    def _job(self) -> Job | None:
        held = st.session_state.get(self._key("job"))
        return held[1] if held else None

    def _random(self) -> None:
        records = {record.name: record for record in random_architectures(self.tasks, bare=self._bare)}
        if not records:
            st.caption(self.words("picker_none"))
            return
        language = self.screen.language
        name = st.selectbox(
            self.words("picker_architecture"), list(records), key=self._key("architecture"),
            index=list(records).index("resnet50") if "resnet50" in records else 0,
            format_func=lambda n: records[n].labels[language],
        )  # fmt: skip
        seed = st.number_input(self.words("picker_seed"), 0, 9999, 0, key=self._key("seed"))
        st.caption(self.words("picker_random_note"))
        st.button(
            self.words("picker_open"), key=self._key("open_random"), icon=":material/casino:",
            on_click=self._choose, args=(self.screen, random_key(name, int(seed or 0))),
        )  # fmt: skip

    def _published(self) -> None:
        from cnn.weights.pretrained import PRETRAINED, is_there, weights_folder

        records = {
            r.name: r for r in PRETRAINED if r.task in self.tasks and r.megabytes <= MOST_BYTES / 2**20
        }
        names = sorted(records)
        first = names.index("resnet50/IMAGENET1K_V2") if "resnet50/IMAGENET1K_V2" in records else 0
        name = st.selectbox(self.words("picker_weights"), names, index=first, key=self._key("weights"))
        record = records[name]
        st.caption(
            self.words("picker_size", megabytes=f"{record.megabytes:.0f}", licence=plain(record.licence, 120))
        )
        there, job = is_there(record), self._job()
        if there:
            st.button(
                self.words("picker_open"), key=self._key("open_published"), icon=":material/folder_open:",
                on_click=self._choose, args=(self.screen, name),
            )  # fmt: skip
            return
        st.button(
            self.words("picker_download"), key=self._key("download"), icon=":material/download:",
            disabled=job is not None and not job.done, on_click=self._fetch, args=(name,),
        )  # fmt: skip
        st.caption(self.words("picker_by_hand"))
        st.code(f"{record.url}\n{weights_folder() / record.file}", language=None, wrap_lines=True)

    def _fetch(self, name: str) -> None:
        from cnn.weights.fetch import fetch_steps

        options = JobOptions(session=self.screen.session, kind="download", heavy=False, time_limit=3600)
        try:
            st.session_state[self._key("job")] = (name, submit(fetch_steps, options=options, name=name))
        except QueueFull as full:
            st.session_state[self._key("error")] = full.text(self.screen.language)

    def _own(self) -> None:
        words = self.words
        own = self.picked if isinstance(self.picked, OpenNetwork) and self.picked.origin == "own" else None
        now = Reading.of(own.reading) if own else Reading()
        st.caption(words("picker_own_hint"))
        place = st.container()
        names = ["", *(record.name for record in random_architectures(self.tasks))]
        architecture = st.selectbox(
            words("picker_architecture"), names, key=self._key("own_architecture"),
            index=names.index(now.architecture) if now.architecture in names else 0,
            format_func=lambda n: n or words("picker_find"),
        )  # fmt: skip
        norms = ["own", "imagenet", *NORMALISATIONS]
        normalisation = st.selectbox(
            words("picker_normalisation"), norms, index=norms.index(now.normalisation), key=self._key("norm"),
            format_func=lambda n: words(f"picker_norm_{n}"),
        )  # fmt: skip
        side = st.number_input(
            words("picker_side"),
            0,
            MOST_SIDE,
            now.side,
            key=self._key("side"),
            help=words("picker_side_help"),
        )
        reading = Reading(
            architecture, normalisation, min(max(int(side), LEAST_SIDE), MOST_SIDE) if side else 0
        )
        if own:
            self._outputs(own)
        if own and reading != now:
            st.button(
                words("picker_read_again"), key=self._key("again"), icon=":material/refresh:",
                on_click=self._choose, args=(self.screen, own.key, reading.text()),
            )  # fmt: skip
        with place:
            self._upload(reading)

    def _upload(self, reading: Reading) -> None:
        if self.screen.live is None:
            self._plain_upload(reading)
            return
        header = {"words": self._upload_words(), "language": self.screen.language, "live": self.screen.live,
                  "reading": reading.text()}  # fmt: skip
        component("network_file")(
            key=self._key("sent"), data=pack(header, {}), on_kept_change=lambda: self._kept(reading)
        )

    def _upload_words(self) -> dict[str, str]:
        names = ("file", "choose", "sending", "checking", "sent_to", "differences")
        return {name: self.words(f"picker_{name}") for name in names} | {
            "upload_failed": self.words("upload_failed")
        }

    def _kept(self, reading: Reading) -> None:
        """The browser has sent a file, and it could be opened."""
        sent = st.session_state[self._key("sent")].get("kept")
        key = str(sent.get("key", "")) if isinstance(sent, dict) else ""
        if re.fullmatch(r"u-[A-Za-z0-9_-]{22}", key):
            self._choose(self.screen, key, reading.text())

    def _plain_upload(self, reading: Reading) -> None:
        """Without our own route: Streamlit's uploader, which ends at 20 MB."""
        file = st.file_uploader(self.words("picker_file"), key=self._key("file"))
        if file is not None and st.session_state.get(self._key("taken")) != (file.file_id, reading.text()):
            self._take(file.getvalue(), file.file_id, reading)
        held = st.session_state.get(self._key("error"))
        if held:
            st.error(plain(held[0], 900))
            if held[1]:
                st.code("\n".join(held[1][:400]), language=None)

    def _outputs(self, own: OpenNetwork) -> None:
        key = own.key
        text = st.text_area(
            self.words("picker_outputs"), "\n".join(output_names(key) or own.categories)[:20_000],
            key=self._key(f"names_{key}"), height=90,
        )  # fmt: skip
        named = tuple(line.strip()[:60] for line in text.splitlines() if line.strip())[:MOST_CLASSES]
        if named != own.categories:
            name_outputs(key, named)
            st.rerun()

    def _take(self, data: bytes, file_id: str, reading: Reading) -> None:
        st.session_state[self._key("taken")] = (file_id, reading.text())
        try:
            with st.spinner(self.words("picker_checking")):
                key = keep_network(data, self.screen.session, reading)
        except WeightsError as error:
            mismatch = getattr(error, "mismatch", None)
            lines = mismatch.lines() if mismatch else ()
            st.session_state[self._key("error")] = (error.text(self.screen.language), lines)
            return
        st.session_state.pop(self._key("error"), None)
        self._choose(self.screen, key, reading.text())
        st.rerun()


def _follow(sheet: NetworkSheet, job: Job) -> None:
    """Show the newest record of a download; the whole script runs again when it has ended."""
    name = st.session_state[sheet._key("job")][0]
    language, record = sheet.screen.language, job.latest()
    job.touch()
    if not job.done:
        with st.container(horizontal=True, vertical_alignment="center"):
            part = record.done / record.total if record is not None and record.total else 0.0
            megabytes = 0 if record is None else record.done / 1e6
            text = sheet.words("picker_fetching", name=name, megabytes=f"{megabytes:.0f}")
            st.progress(min(part, 1.0), text=text, width=420)
            st.button(sheet.words("picker_cancel"), key=sheet._key("cancel"), on_click=job.cancel)
        return
    st.session_state.pop(sheet._key("job"), None)
    if record is not None and record.complete:
        sheet._choose(sheet.screen, name)
        st.rerun()
    elif record is not None and record.en:
        st.warning(plain(record.ko if language == "ko" else record.en, 900))
    elif job.error is not None:
        st.warning(job.error.text(language))
    else:
        st.info(sheet.words("picker_cancelled"))
