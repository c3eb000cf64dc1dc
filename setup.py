"""Builds the package `gradient_flow_lab`: the folders of the repository below one name, their imports rewritten.

In the repository `from models import record` works; installed, the same line would take the name `models` from every
project beside it. So the build copies each file to `gradient_flow_lab/…` and puts that name before what it imports.
"""

import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

NAME = "gradient_flow_lab"
FOLDERS = ("models", "analysis", "experiments", "dashboard")
TOPS = "|".join(FOLDERS)
REWRITES = (
    (re.compile(rf"^(\s*)from ({TOPS})(?=[. ])", re.M), rf"\1from {NAME}.\2"),
    (re.compile(rf"^(\s*)import ({TOPS})$", re.M), rf"\1from {NAME} import \2"),
    (re.compile(rf'"({TOPS})\.(\w+[.\w]*)"'), rf'"{NAME}.\1.\2"'),  # modules that are found by their names
    (re.compile(r'"python", "-m", "experiments"'), '"gradient-flow-lab"'),
    (re.compile(r"python -m experiments"), "gradient-flow-lab"),
)


class BuildBelowOneName(build_py):
    """Copies the packages below `gradient_flow_lab`, with the page and its look."""

    def run(self) -> None:
        """Copy as always, then add what lies at the top of the repository, then rewrite the imports."""
        super().run()
        root = Path(self.build_lib) / NAME
        shutil.copy("app.py", root / "app.py")
        shutil.copy(".streamlit/config.toml", root / "streamlit.toml")
        for file in root.rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            for pattern, instead in REWRITES:
                text = pattern.sub(instead, text)
            file.write_text(text, encoding="utf-8")


def requirements() -> list[str]:
    """What the program imports, at least as new as what the tests were run with."""
    text = Path("requirements.txt").read_text(encoding="utf-8").partition("# Imported by no program here")[0]
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line.replace("==", ">=") for line in lines if line]


PACKAGES = sorted(".".join(file.parent.parts) for folder in FOLDERS for file in Path(folder).rglob("__init__.py"))
setup(
    install_requires=requirements(),
    packages=[NAME, *(f"{NAME}.{package}" for package in PACKAGES)],
    package_dir={NAME: NAME, **{f"{NAME}.{folder}": folder for folder in FOLDERS}},
    package_data={
        f"{NAME}.analysis": ["**/*.js"],
        f"{NAME}.dashboard": ["**/*.js", "**/*.css", "**/*.svg"],
        f"{NAME}.experiments": ["**/*.toml"],
    },
    cmdclass={"build_py": BuildBelowOneName},
)
