"""What a server imports by one thread's hand, before two threads draw."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WHOLE = (
    "import sys; from dashboard.server.labs import labs; labs(); print(hasattr(sys.modules.get('pandas'), 'Series'))"
)


def test_pandas_is_whole_before_anything_is_drawn():
    """Plotly looks into a half-imported pandas and fails: the first picture of a new server could be lost."""
    done = subprocess.run([sys.executable, "-c", WHOLE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
