"""The script that Streamlit runs for each visitor: page config, language, navigation; nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # under plain `streamlit run app/main.py`
    sys.path.insert(0, str(ROOT))

import streamlit as st

from app.language import Words
from app.navigation import PAGES
from app.widgets.screen import choose_language

st.set_page_config(page_title="ConvScope", page_icon=str(ROOT / "assets" / "icon.png"), layout="wide")
language = choose_language()
shell = Words(language)
groups: dict[str, list[st.Page]] = {}
for spec in PAGES:
    title = Words(language, spec.section, spec.slug)("title")
    section = "" if spec.section == "home" else shell(f"section_{spec.section}")
    groups.setdefault(section, []).append(spec.as_page(title))
st.navigation(groups, position="top").run()
