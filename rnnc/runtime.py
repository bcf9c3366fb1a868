"""Generated text as a module."""

from __future__ import annotations

import hashlib
import linecache
from collections import OrderedDict
from threading import Lock
from types import ModuleType

from rnnc.backends.escape import identifier

_CACHE_SIZE = 64
_cache: OrderedDict[tuple[str, str], ModuleType] = OrderedDict()
_lock = Lock()


def load_module(text: str, name: str) -> ModuleType:
    """The module of a generated text. The same text under the same name gives the same module.

    Tracebacks and debuggers show its lines. It is not entered into `sys.modules`.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    key = (name, digest)
    with _lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    module = _load(text, name, digest)
    with _lock:
        module = _cache.setdefault(key, module)
        while len(_cache) > _CACHE_SIZE:
            _, old = _cache.popitem(last=False)
            linecache.cache.pop(str(old.__file__), None)
    return module


def _load(text: str, name: str, digest: str) -> ModuleType:
    path = f"<rnnc {identifier(name)} {digest[:12]}>"
    module = ModuleType(f"rnnc_generated_{identifier(name)}")
    module.__file__ = path
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    exec(compile(text, path, "exec"), module.__dict__)
    return module
