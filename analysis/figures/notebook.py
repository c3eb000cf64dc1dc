"""Recordings in a notebook: a table, and the profiles as a picture that needs no network connection."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape

from analysis.figures.profile import profile_picture
from analysis.figures.standalone import section
from analysis.profile import profile
from analysis.report import ModuleReport, Report
from models.cells.registry import CELLS
from models.recording.trace import Trace


def show_trace(trace: Trace) -> str:
    """A trace's HTML: for each of its modules, what the gradient of each layer does, and the top layer's profile."""
    each = [ModuleReport(name, replace(trace, stacks={name: stack})) for name, stack in trace.stacks.items()]
    return show_modules(each, with_findings=False)


def show_report(report: Report) -> str:
    """A report's HTML: that of a trace, with findings, their evidence and their remedies."""
    notes = "".join(f"<p>{escape(note)}</p>" for note in report.notes.values())
    return show_modules(report.modules, with_findings=True) + notes


def show_modules(modules: Iterable[ModuleReport], with_findings: bool) -> str:
    """Modules one below the other; the first picture contains plotly.js."""
    shown = []
    for k, module in enumerate(modules):
        top = module.trace.top
        name = next(name for name, cell in CELLS.items() if cell.words.label == module.cell)
        picture = profile_picture({name: profile(top)}, {}, str(top.inputs.dtype).removeprefix("torch."))
        findings = "".join(
            f"<p><b>{escape(f.severity)}: {escape(f.title)}.</b> {escape(f.evidence)}<br>{escape(f.remedy)}</p>"
            for f in (module.findings if with_findings else ())
        )
        shown.append(f"<h4>{escape(module.title)}</h4>{table(module.rows())}{findings}{section(picture, first=k == 0)}")
    return "\n".join(shown)


def table(rows: Iterable[Mapping[str, str]]) -> str:
    """An HTML table: column names, then rows."""
    listed = list(rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in (listed[0] if listed else ()))
    body = "".join("<tr>" + "".join(f"<td>{escape(v)}</td>" for v in row.values()) + "</tr>" for row in listed)
    return f"<table><tr>{head}</tr>{body}</table>"
