"""What changed between two JSON values, itself as JSON: what the journal appends.

A patch is one of
    {"set": value}                                  another value altogether
    {"in": {key: patch}, "drop": [key, ...]}        changes inside an object
    {"at": {index: patch}, "keep": n, "add": [..]}  changes inside a list, of which n items stay
with what is empty left out. An object that appears in both by identity is not looked into.
"""

from __future__ import annotations

from typing import Any

ODD = "the change does not fit"
_FIELDS = ({"set"}, {"in", "drop"}, {"at", "keep", "add"})


def difference(old: Any, new: Any) -> dict[str, Any] | None:
    """The patch that leads from one JSON value to another; None where they are equal."""
    if old is new:
        return None
    if isinstance(old, dict) and isinstance(new, dict):
        return _inside_object(old, new)
    if isinstance(old, list) and isinstance(new, list):
        return _inside_list(old, new)
    # 1, 1.0 and true are equal to Python, and not to a reader of the file.
    return None if type(old) is type(new) and old == new else {"set": new}


def _inside_object(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any] | None:
    inner = {key: difference(old[key], new[key]) for key in new.keys() & old.keys()}
    changed = {key: patch for key, patch in inner.items() if patch is not None}
    changed |= {key: {"set": new[key]} for key in new.keys() - old.keys()}
    dropped = sorted(old.keys() - new.keys())
    if not changed and not dropped:
        return None
    return _short({"in": changed, "drop": dropped})


def _inside_list(old: list[Any], new: list[Any]) -> dict[str, Any] | None:
    kept = min(len(old), len(new))
    pairs = enumerate(zip(old[:kept], new[:kept], strict=True))
    inner = {str(at): difference(a, b) for at, (a, b) in pairs if a is not b}
    changed = {at: patch for at, patch in inner.items() if patch is not None}
    if not changed and len(old) == len(new):
        return None
    if 2 * len(changed) > len(new) and all("set" in each for each in changed.values()):
        return {"set": new}  # other numbers altogether
    patch = _short({"at": changed, "add": new[kept:]})
    return patch | {"keep": kept} if kept < len(old) or not patch else patch


def _short(patch: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in patch.items() if value}


def patched(old: Any, patch: Any) -> Any:
    """A JSON value after a patch; what has not changed is shared with the old one.

    Raises:
        ValueError: the patch is none, or does not fit the value.
    """
    if not isinstance(patch, dict) or not patch or not any(patch.keys() <= f for f in _FIELDS):
        raise ValueError(ODD)
    if "set" in patch:
        return patch["set"]
    if patch.keys() <= _FIELDS[1]:
        return _patched_object(old, patch.get("in", {}), patch.get("drop", []))
    return _patched_list(old, patch.get("at", {}), patch.get("keep"), patch.get("add", []))


def _patched_object(old: Any, changed: Any, dropped: Any) -> dict[str, Any]:
    fits = isinstance(old, dict) and isinstance(changed, dict) and isinstance(dropped, list)
    if not fits or not all(isinstance(key, str) and key in old for key in dropped):
        raise ValueError(ODD)
    new = {key: value for key, value in old.items() if key not in dropped}
    return new | {key: patched(old.get(key), patch) for key, patch in changed.items()}


def _patched_list(old: Any, changed: Any, kept: Any, added: Any) -> list[Any]:
    fits = isinstance(old, list) and isinstance(changed, dict) and isinstance(added, list)
    if not fits or not (kept is None or (type(kept) is int and 0 <= kept <= len(old))):
        raise ValueError(ODD)
    new = old[:kept]
    for text, patch in changed.items():
        at = int(text) if text.isdecimal() and len(text) < 10 else len(new)
        if at >= len(new):
            raise ValueError(ODD)
        new[at] = patched(new[at], patch)
    return new + added
