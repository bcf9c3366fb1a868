"""The gallery, docs/gallery: a page for each cell. `make gallery` writes the pages, with proofs that were recorded.

`python -m benchmarks.gallery --prove` first proves, with `rnnc verify`, every entry whose source has changed since its
proof was recorded, for every target, and keeps the tables in results/gallery.json: half a minute for each. They have
the rows that all targets have. CUDA's kernels run on the CPU there, so that no device is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.gallery_cells import ENTRIES, GROUPS, Entry
from rnnc import __version__
from rnnc.compiler import TARGETS
from rnnc.pictures.description import Description
from rnnc.pictures.equations.latex import aligned
from rnnc.pictures.page import array_rows, fact_rows, notes
from rnnc.pictures.sources import shown_source, without_layouts
from rnnc.simulator.compile import find_compiler
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.printing.dump import print_ast
from rnnc.syntax.source import read_source
from rnnc.syntax.walk import names_in

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
PAGES = ROOT / "docs" / "gallery"
PROOFS = ROOT / "benchmarks" / "results" / "gallery.json"
PROVED = {"numpy": "NumPy", "tf": "TensorFlow", "cuda": "CUDA on the CPU, by g++"}
KNOWN_EVERYWHERE = ("rnn.rnn", "gru.rnn", "lstm.rnn")

Proofs = dict[str, Any]


def digest(entry: Entry) -> str:
    """The hash of all definitions that an entry is made of, and of the options that it is proved with.

    Comments and layouts of weights do not count: no proof depends on them.
    """
    definitions: dict[str, ast.Definition] = {}
    waiting = [entry.file, *KNOWN_EVERYWHERE]
    seen: set[str] = set()
    while waiting:
        file = waiting.pop(0)
        if file not in seen:
            seen.add(file)
            for d in parse(read_source(EXAMPLES / file)).definitions:
                if isinstance(d, ast.Import):
                    waiting.append(d.path.value)
                else:
                    definitions.setdefault(d.name, d)
    first = entry.name or _title(entry, None, plain=True)
    needed = [first, *(n for text in entry.checked.values() for n in re.findall(r"[A-Za-z_]\w*", text))]
    found: dict[str, str] = {}
    while needed:
        name = needed.pop()
        if name in definitions and name not in found:
            plain = without_layouts(definitions[name])
            found[name] = print_ast(plain)
            needed += names_in(plain)
    content = json.dumps([sorted(found.items()), first, entry.checked])
    return hashlib.sha256(content.encode()).hexdigest()


def load_proofs() -> Proofs:
    return json.loads(PROOFS.read_text(encoding="utf-8")) if PROOFS.exists() else {}


def table(proofs: Mapping[str, Any]) -> str:
    """Proofs as JSON, one a line, so that changes can be read."""
    return "{\n" + ",\n".join(f"{json.dumps(slug)}: {json.dumps(proof)}" for slug, proof in proofs.items()) + "\n}\n"


def outdated(proofs: Mapping[str, Any]) -> list[Entry]:
    """Entries without a proof of what they are now, on every target."""
    return [e for e in ENTRIES if missing(e, proofs.get(e.slug))]


def missing(entry: Entry, proof: Mapping[str, Any] | None) -> list[str]:
    """The targets for which an entry is not proved as it is now."""
    if proof is None or proof["digest"] != digest(entry):
        return list(PROVED)
    return [target for target in PROVED if target not in proof["targets"]]


def prove(job: tuple[Entry, Mapping[str, Any] | None]) -> tuple[Entry, Proofs]:
    """The tables of `rnnc verify` for one entry, and those that there are already."""
    from rnnc.verify.commands import verify_source

    entry, before = job
    source, new = read_source(EXAMPLES / entry.file), missing(entry, before)
    found: Proofs = {"digest": digest(entry), "options": entry.checked, "rnnc": __version__, "targets": {}}
    for target in PROVED:
        if before is not None and target not in new:
            found["targets"][target] = before["targets"][target]
            continue
        report = verify_source(source, entry.name, entry.checked, target=target, common=True)
        found["targets"][target] = {
            "library": library(target),
            "title": report.title,
            "rows": [[r.name, f"{r.error:.1e}", f"{r.tolerance:.0e}", r.passed] for r in report.rows],
            "notes": list(report.notes),
        }
    return entry, found


def library(target: str) -> str:
    """The version of what a target was proved with."""
    if target == "cuda":
        asked = [find_compiler(), "-dumpfullversion"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return version({"numpy": "numpy", "tf": "tensorflow"}[target])


# --- pages ---


def pages(proofs: Mapping[str, Any], entries: Sequence[Entry] = ENTRIES) -> dict[str, str]:
    """The files of the gallery, by their names: the pages of some entries and their drawings."""
    found: dict[str, str] = {}
    for entry in entries:
        description = Description(read_source(EXAMPLES / entry.file), entry.name, entry.options)
        for at, section in enumerate(description.sections):
            found[_picture(entry, at)] = description.section_svg(section)
        found[f"{entry.slug}.md"] = _page(entry, description, proofs.get(entry.slug))
    return found


def index() -> str:
    """The page that leads to all others."""
    lines = [
        "# Gallery",
        "",
        "Every cell here is compiled from [`examples/`](../../examples): its graph, its equations, what can be",
        "counted of it, and the table of its proofs. In drawings states enter at the left and leave at the right.",
        "Matrices in one frame are what the compiler multiplies at once: before the loop (*all steps*) or in it",
        "(*each step*); a number marks parts of one product. `rnnc draw` and `rnnc doc` make the same of",
        "[your own cell](../cli.md#rnnc-draw).",
        "",
        "These pages are written by `make gallery`.",
    ]
    for group, entries in GROUPS.items():
        lines += ["", f"## {group}", "", "| | |", "|---|---|"]
        for entry in entries:
            title = escaped(_title(entry, None))
            lines.append(f"| [{title}]({entry.slug}.md) | ![{title}]({_picture(entry, 0)}) |")
    return "\n".join(lines) + "\n"


def _title(entry: Entry, description: Description | None, *, plain: bool = False) -> str:
    if entry.title and not plain:
        return entry.title
    if description is not None:
        return description.name
    if entry.name:
        return entry.name
    definitions = parse(read_source(EXAMPLES / entry.file)).definitions
    names = [d.name for d in definitions if isinstance(d, ast.Cell | ast.Network | ast.Variant)]
    stem = entry.file.removesuffix(".rnn").replace("_", "")
    return next((n for n in names if n.lower() == stem), names[0])


def _picture(entry: Entry, at: int) -> str:
    return f"{entry.slug}.svg" if at == 0 else f"{entry.slug}-{at}.svg"


def _page(entry: Entry, description: Description, proof: Mapping[str, Any] | None) -> str:
    bound = ", ".join(f"`{n} = {v}`" for n, v in entry.options.items())
    lines = [f"# {escaped(_title(entry, description))}", ""]
    for paragraph in description.model.doc.split("\n\n"):
        lines += [escaped(" ".join(paragraph.split())), ""]
    origin = f"[`examples/{entry.file}`](../../examples/{entry.file})"
    lines += [f"`{description.name}` of {origin}" + (f", with {bound}." if bound else "."), ""]
    for at, section in enumerate(description.sections):
        if section.title:
            lines += [f"## {escaped(section.title)}", ""]
        lines += [f"![graph of {escaped(section.title or description.name)}]({_picture(entry, at)})", ""]
        lines += ["```math", aligned(section.equations), "```", ""]
        if section.functions:
            lines += ["where", "", "```math", aligned(section.functions), "```", ""]
    for note in notes(description):
        lines += [escaped(note), ""]
    lines += ["## In numbers", "", "| | |", "|---|---|"]
    lines += [f"| {escaped(label)} | {escaped(text)} |" for label, text in fact_rows(description)]
    lines += [f"| targets | {', '.join(TARGETS)} |", ""]
    lines += ["| | array | axes |", "|---|---|---|"]
    lines += [f"| {kind} | `{name}` | {escaped(axes)} |" for kind, name, axes in array_rows(description)]
    source, without = shown_source(description.source, description.name)
    lines += ["", "## Source", "", "```", source.rstrip("\n"), "```", ""]
    if without:
        lines += [f"The layouts of weights of other libraries are in {origin}.", ""]
    lines += ["## Proofs", "", *_proof(entry, proof)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _proof(entry: Entry, proof: Mapping[str, Any] | None) -> list[str]:
    if proof is None:
        return ["None is recorded."]
    given = " ".join(f"-D '{n}={v}'" for n, v in proof["options"].items())
    where = f"examples/{entry.file}" + (f":{entry.name}" if entry.name else "")
    lines = [f"`rnnc verify {where}{' ' + given if given else ''}`, rnnc {proof['rnnc']}:", ""]
    for target, found in proof["targets"].items():
        rows = found["rows"]
        passed = sum(bool(row[3]) for row in rows)
        label = f"{PROVED[target]} {found['library']}: {passed} of {len(rows)} checks passed, {found['title']}"
        lines += ["<details>", f"<summary>{escaped(label)}</summary>", ""]
        lines += ["| check | error | tolerance |", "|---|---|---|"]
        for name, error, tolerance, ok in rows:
            lines.append(f"| {escaped(name)} | {error} | {tolerance}{'' if ok else ' **failed**'} |")
        lines += ["", *(line for note in found["notes"] for line in (escaped(note), "")), "</details>", ""]
    return lines


def escaped(text: str) -> str:
    """Text of a description as text of a Markdown page."""
    return re.sub(r"([\\`*_\[\]<>|#$~])", r"\\\1", " ".join(text.split())).replace("&", "&amp;")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prove", action="store_true", help="first prove entries whose source has changed")
    parser.add_argument("--all", action="store_true", help="with --prove: all of them again")
    parser.add_argument("--jobs", type=int, default=1, help="with --prove: processes")
    options = parser.parse_args()
    proofs = load_proofs()
    if options.prove:
        entries = ENTRIES if options.all else outdated(proofs)
        jobs = [(e, None if options.all else proofs.get(e.slug)) for e in entries]
        with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
            for entry, proof in pool.imap(prove, jobs):
                proofs[entry.slug] = proof
                kept = {e.slug: proofs[e.slug] for e in ENTRIES if e.slug in proofs}
                PROOFS.write_text(table(kept), encoding="utf-8")
                failed = [row for t in proof["targets"].values() for row in t["rows"] if not row[3]]
                print(f"{entry.slug}: {len(failed)} failed", flush=True)
    PAGES.mkdir(exist_ok=True)
    written = {**pages(proofs), "index.md": index()}
    for path in PAGES.iterdir():
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (PAGES / name).write_text(text, encoding="utf-8")
    stale = [e.slug for e in outdated(proofs)]
    if stale:
        print(f"without a proof: {', '.join(stale)}; run `make gallery-proofs`", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
