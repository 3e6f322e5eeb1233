"""A study as one HTML file that stands on its own: photos, maps, findings and protocols, no script, nothing fetched."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from backend.data import images
from backend.evidence.finding import Finding
from backend.methods.encoding import encode
from backend.methods.params import ParameterError
from backend.methods.question import Image, Question
from backend.methods.saliency.result import Saliency
from backend.store.files import StoreError
from backend.store.runs import Run, RunGone, RunStore
from backend.store.studies import Studies, Study
from components.figures.cells import drawn_cells, scale_ends, scale_of
from components.report import words
from components.report.pictures import colour_bar, map_picture, png

STYLE = Path(__file__).parents[2] / "assets" / "report.css"
# Should a name slip past the escaping, the browser still loads and runs nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Entry:
    """A run of the report: its question, its result, and its findings; `problem` says why there is no result."""

    run: Run
    question: Question | None
    result: Any = None
    findings: tuple[Finding, ...] = ()
    problem: str = ""


@dataclass
class _Section:
    """The runs on one sample of one model with one target, and the ends of the scales their maps share."""

    question: Question
    entries: list[Entry] = field(default_factory=list)

    def ends(self) -> dict[str, float]:
        """The ends of the scales: maps that measure the same share one."""
        return scale_ends(entry.result for entry in self.entries if isinstance(entry.result, Saliency))


def study_report(studies: Studies, study: str, made: datetime | None = None) -> str:
    """The report of a study as HTML text. Raises StudyGone."""
    found, runs = studies.study(study), studies.runs
    return report(found, [entry(runs, name) for name in studies.hashes(study)], made)


def entry(runs: RunStore, name: str) -> Entry:
    """What a report needs of a run; a result or method that is gone becomes a sentence, not an error."""
    run = runs.run(name)
    try:
        question = run.question
    except ParameterError as error:
        return Entry(run, None, problem=f"Its question cannot be read any more: {error}")
    try:
        result = runs.result(name)
    except (RunGone, StoreError) as error:
        return Entry(run, question, problem=str(error))
    return Entry(run, question, result, tuple(_findings(runs, name)))


def report(study: Study, entries: Iterable[Entry], made: datetime | None = None) -> str:
    """The report of some runs as HTML text, in their order, those on one sample and target together."""
    entries = list(entries)
    moment = (made or datetime.now(UTC)).strftime("%d %B %Y, %H:%M")
    body = "".join(_section(section) for section in _sections(entries))
    lost = "".join(f'<p class="notice">{escape(e.run.method)}: {escape(e.problem)}</p>' for e in entries if e.question is None)
    count = f"{len(entries)} run{'' if len(entries) == 1 else 's'}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(study.name)}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head><body>"
        f'<h1>{escape(study.name)}</h1><p class="muted">{count} · made with Vitrine on {moment}</p>'
        '<p><span class="against">■</span> speaks against · <span class="for">■</span> speaks for · zero is clear. '
        "Maps of one photo whose cells hold the same kind of value share one scale; the numbers under a map are its ends.</p>"
        f"{lost}{body}{_questions(entries) if body else ''}</body></html>\n"
    )


def _findings(runs: RunStore, name: str) -> Iterable[Finding]:
    for check in runs.findings(name):
        try:
            finding = runs.result(check.hash)
        except (RunGone, StoreError):
            continue  # a check that is gone can be made again; the map stands without it
        if isinstance(finding, Finding):
            yield finding


def _sections(entries: list[Entry]) -> list[_Section]:
    sections: dict[str, _Section] = {}
    for item in entries:
        if item.question is None:
            continue
        question = item.question
        subject = json.dumps([encode(part) for part in (question.inputs, question.model, question.target, question.edits)])
        sections.setdefault(subject, _Section(question)).entries.append(item)
    return list(sections.values())


def _section(section: _Section) -> str:
    frame = words.frame_of(section.question)
    ends = section.ends()
    cards = "".join(_card(item, frame, ends) for item in section.entries)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in words.sample_facts(section.question))
    return (
        f"<section><h2>{words.heading(section.question)}</h2>"
        f'<div class="sample">{_photo(section.question)}<dl>{facts}</dl></div><div class="runs">{cards}</div></section>'
    )


def _photo(question: Question) -> str:
    if not isinstance(question.inputs, Image):
        return ""
    try:
        picture = images.load(question.inputs.content).copy()
    except (images.ImageError, OSError) as error:
        return f'<p class="notice">{escape(str(error))}</p>'
    picture.thumbnail((400, 400))
    return _image(png(np.asarray(picture)), "the photo as it was uploaded")


def _card(item: Entry, frame: Any, ends: dict[str, float]) -> str:
    question, run = item.question, item.run
    assert question is not None  # those without are told of at the top
    parts = [f"<article><h3>{escape(words.title(question.method))}</h3>"]
    if run.state == "stopped":
        parts.append(f'<p class="notice">Stopped at {run.done:,} of {run.total:,}.</p>')
    if item.problem:
        parts.append(f'<p class="notice">{escape(item.problem)}</p>')
    elif isinstance(item.result, Saliency):
        parts.append(_map(item.result, frame, ends, words.title(question.method)))
    elif isinstance(item.result, Finding):
        parts.append(_finding(item.result))
    else:
        parts.append('<p class="muted">This result has no picture here; the question below brings it back.</p>')
    if run.note:
        parts.append(f"<p>{escape(run.note)}</p>")
    parts.extend(_finding(finding) for finding in item.findings)
    parts.append(f'<p class="muted">{escape(words.teaching(question.method))}</p>')
    parts.append(f'<p class="muted">{escape(words.settings(question))}</p></article>')
    return "".join(parts)


def _questions(entries: list[Entry]) -> str:
    texts = "".join(f"<pre>{escape(json.dumps(encode(e.question), ensure_ascii=False))}</pre>" for e in entries if e.question)
    return f'<section><h2>To ask again</h2><p class="muted">Each question in full, as any Vitrine reads it.</p>{texts}</section>'


def _map(result: Saliency, frame: Any, ends: dict[str, float], title: str) -> str:
    drawn = drawn_cells(result)
    end = ends[scale_of(result)]
    fitting = frame if frame is not None and frame.shape[:2] == result.attribution.shape[1:] else None
    picture = _image(png(map_picture(drawn.cells, end, fitting)), f"map of {title}")
    bar = _image(png(colour_bar()), "", "scale")
    blank = f'<p class="notice">{escape(result.blank)}</p>' if result.blank else ""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in words.map_facts(result, drawn.unit)
    )
    return (
        f'<p class="muted">{escape(result.note)}</p>{blank}<figure>{picture}{bar}'
        f"<figcaption><span>−{end:.3g}</span><span>0</span><span>+{end:.3g}</span></figcaption></figure><table>{rows}</table>"
    )


def _finding(finding: Finding) -> str:
    rows = "".join(
        f"<tr><th>{escape(measure.name)}</th><td><b>{escape(words.number(measure.value, measure.unit))}</b>, "
        f"{escape(measure.verdict)}<br>{escape(words.controls(measure))}</td></tr>"
        for measure in finding.measures
    )
    return (
        f"<h4>{escape(words.title(finding.name))}</h4><table>{rows}</table>"
        f'<p class="muted">{escape(finding.protocol)} {escape(words.cost(finding.passes, finding.seconds))}.</p>'
    )


def _image(data: bytes, alt: str, kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<img{style} alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
