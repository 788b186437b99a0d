from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

# Test folders are not packages; the reader is made importable under its own name.
_spec = importlib.util.spec_from_file_location("vectors", Path(__file__).with_name("vectors.py"))
assert _spec is not None
assert _spec.loader is not None
if "vectors" not in sys.modules:
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["vectors"] = _module
    _spec.loader.exec_module(_module)
