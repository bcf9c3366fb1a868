"""`weights = f`: weights that a call takes from another equation, which must have them."""

from __future__ import annotations

from rnnc.semantics.bodies.frames import Parameter, Registry


def check_lent(registry: Registry) -> None:
    """Report weights of an equation which none of its own calls makes (E229). One that has none at all, a gate that
    an option or a variant takes away, only gives the name."""
    for p in registry.parameters.values():
        if p.lent is None:
            continue
        own = [q.name for q in registry.parameters.values() if q.name.startswith(p.lent) and q.lent is None]
        owner, source = p.lent.removesuffix("."), registry.borrowed.get(p.lent, "").removesuffix(".")
        if own:
            registry.diagnostics.error(
                "E229", f"`{owner}` has no weight `{p.name}`", p.place, fix=_remedy(p, p.lent, own), use=p.use
            )
        elif source:
            message = f"`{owner}` has the weights of `{source}`, and none of its own"
            registry.diagnostics.error("E229", message, p.place, fix=f"write `weights = {source}`", use=p.use)


def _remedy(parameter: Parameter, path: str, own: list[str]) -> str:
    label, text = parameter.name.removeprefix(path), parameter.place.text
    calls = {name.removeprefix(path).rpartition(".")[0] for name in own}
    if label.rpartition(".")[0] not in calls and "" not in calls:  # the equation's calls have other names
        named = f"`(… weights = {path.removesuffix('.')}) as {max(calls)}`"
        return f"its weights are those of a call with a name: write {named}"
    if label == "bias":
        return "leave it out here, too: `bias = false`"
    labels = [name.removeprefix(path) for name in own if name != f"{path}bias"]
    fix = f"it has {', '.join(f'`{name}`' for name in own)}"
    if labels and "." not in label and text.isidentifier():
        fix += f"; a label says which one is meant: `{labels[-1]}: {text}`"
    return fix
