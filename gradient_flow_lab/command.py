"""`gradient-flow-lab app` starts the page; all other commands are those of `python -m experiments`."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

PAGE = Path(__file__).with_name("app.py")
LOOK = Path(__file__).with_name("streamlit.toml")


def main() -> None:
    """Run one command; `app` accepts Streamlit's own options, such as --server.port 8600."""
    if sys.argv[1:2] == ["app"]:
        command = [sys.executable, "-m", "streamlit", "run", str(PAGE), *flags(), *sys.argv[2:]]
        sys.exit(subprocess.run(command, check=False).returncode)
    from experiments.__main__ import run  # here: it takes a second, which the page's own process need not wait for

    run()


def flags() -> list[str]:
    """Streamlit's settings as command-line options: an installed package has no folder `.streamlit`."""
    return [f"--{name}={value}" for name, value in settings(tomllib.loads(LOOK.read_text(encoding="utf-8")))]


def settings(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and values of a TOML table, without lists, which options cannot express."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from settings(value, f"{prefix}{name}.")
        elif isinstance(value, bool):
            yield f"{prefix}{name}", str(value).lower()
        elif not isinstance(value, list):
            yield f"{prefix}{name}", str(value)
