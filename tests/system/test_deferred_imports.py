"""torchmetrics is imported without scipy.signal, which is itself when somebody uses it."""

import subprocess
import sys

import pytest

DEFER = "from cnncompare.system.deferred_imports import defer_scipy_signal as d; d(); d()\n"
UNDO = "\nassert not [f for f in sys.meta_path if 'cnncompare' in type(f).__module__]\n"


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", f"import sys\n{code}"], check=True, timeout=300)


@pytest.mark.slow
def test_torchmetrics_loads_no_scipy_signal_and_others_get_it() -> None:
    run(
        f"{DEFER}import torchmetrics{UNDO}"
        "assert 'scipy.signal' not in sys.modules and 'scipy.stats' not in sys.modules\n"
        "assert torchmetrics.__spec__.loader is torchmetrics.__loader__\n"
        "assert 'cnncompare' not in type(torchmetrics.__loader__).__module__\n"
        "import scipy, scipy.signal\n"
        "assert scipy.signal is sys.modules['scipy.signal']\n"
        "assert scipy.signal.windows.hamming(3)[1] == 1.0 and scipy.signal.__file__\n"
        "from scipy.signal.windows import hann\n"
        "assert hann is scipy.signal.windows.hann\n"
    )


FAKE = """
import importlib.util, types
from pathlib import Path
folder = Path({folder!r})
(folder / "torchmetrics.py").write_text({source!r})
sys.path.insert(0, str(folder))
"""


@pytest.mark.parametrize(
    "source",
    [
        "import scipy.signal\nfound = scipy.signal.windows.hann",
        pytest.param(
            "import scipy\nfound = scipy.signal.get_window and scipy.signal.windows.hann",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_user_of_the_placeholder_gets_the_module(source: str, tmp_path: object) -> None:
    run(
        f"{FAKE.format(folder=str(tmp_path), source=source)}{DEFER}import torchmetrics{UNDO}"
        "import scipy.signal\nassert torchmetrics.found is scipy.signal.windows.hann\n"
    )


def test_questions_about_the_module_do_not_load_it(tmp_path: object) -> None:
    source = (
        "import scipy.signal, inspect\n"
        "found = hasattr(scipy.signal, 'hamming'), hasattr(scipy.signal, '__file__')"
    )
    run(
        f"{FAKE.format(folder=str(tmp_path), source=source)}{DEFER}import torchmetrics{UNDO}"
        "assert torchmetrics.found == (True, False) and 'scipy.signal' not in sys.modules\n"
        "assert 'cnncompare' not in type(torchmetrics.__spec__.loader).__module__\n"
        "assert 'scipy.stats' not in sys.modules\n"
    )


def test_a_failing_import_leaves_no_placeholder(tmp_path: object) -> None:
    run(
        f"{FAKE.format(folder=str(tmp_path), source='import scipy.signal; 1 / 0')}{DEFER}"
        f"try:\n import torchmetrics\nexcept ZeroDivisionError:\n pass{UNDO}"
        "assert 'scipy.signal' not in sys.modules and 'torchmetrics' not in sys.modules\n"
    )


@pytest.mark.slow
def test_a_loaded_module_is_left_alone() -> None:
    run(f"import scipy.signal as before\n{DEFER}assert sys.modules['scipy.signal'] is before{UNDO}")
