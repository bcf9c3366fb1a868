"""Canonical source: the same tree, laid out in one way, with its comments and docstrings. (A declaration of several
items that needs more than a line becomes several declarations.)

Two spaces of indentation; `=` aligned in runs of consecutive equations; lines of at most 120 characters, wrapped inside
brackets; one blank line between definitions (variants and imports may stand close), at most one between statements. A
block on one line stays there if it holds one statement and fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnnc.diagnostics import Source
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.printing.comments import Comment, Comments, Landmarks
from rnnc.syntax.printing.spell import Piece, Speller, flat
from rnnc.syntax.printing.spell_statements import aligned_text, import_text, simple_pieces
from rnnc.syntax.printing.wrap import WIDTH, wrap

_INDENT = "  "
_HANGING = 4
_WORDS = {ast.Fn: "fn", ast.Cell: "cell", ast.Network: "network"}
_Aligned = ast.Statement | ast.Definition


def format_source(source: Source) -> str:
    """The canonical text of a source. Raises DiagnosticError where it has syntax errors."""
    return _Formatter(source).file(parse(source))


class _Formatter:
    """Walks a file in the order of its text and writes lines."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        self.comments = Comments(source)
        self.landmarks = Landmarks(source)
        self.lines: list[str] = []
        self.indent = ""
        self.end = 0  # in the source, of what was written last
        self.may_blank = False  # whether blank lines of the source are kept: not at the beginning of a block
        self.must_blank = False  # whether the next line comes after a blank one

    # --- lines -----------------------------------------------------------------------------------------------------

    def gap(self, start: int) -> None:
        """A blank line, if one belongs between what was written last and the part of the source from `start`."""
        if self.must_blank or (self.may_blank and self.text.count("\n", self.end, start) > 1):
            self.lines.append("")
        self.must_blank = False

    def write(self, text: str, end: int, *, in_line: bool = False) -> None:
        """Lines for the part of the source up to `end`, with the comment that stands behind it: in its own column, but
        where the text will stand `in_line` behind another, and so in another column, two spaces behind it."""
        self.lines += (self.indent + text).split("\n")
        self.end = end
        self.may_blank = True
        comment = self.comments.behind(end)
        if comment is not None:
            self.lines[-1] = _with_comment(self.lines[-1], comment, 0 if in_line else comment.column)
            self.end = comment.end

    def comments_before(self, offset: int) -> None:
        """The comments up to an offset, each on a line of its own."""
        for comment in self.comments.before(offset):
            self.gap(comment.start)
            self.comment(comment)

    def comments_within(self, offset: int) -> None:
        """The comments in what is about to be written, up to an offset: above it, where the gap has been made."""
        for comment in self.comments.before(offset):
            self.comment(comment)

    def comment(self, comment: Comment) -> None:
        self.lines.append(self.indent + comment.text)
        self.end = comment.end
        self.may_blank = True

    # --- definitions -----------------------------------------------------------------------------------------------

    def file(self, file: ast.File) -> str:
        if file.doc is not None:
            self.doc(file.doc, self.landmarks.first_doc)
            self.must_blank = True
        widths = self.widths(file.definitions)
        for at, definition in enumerate(file.definitions):
            if at > 0:
                self.must_blank = not self.are_close(file.definitions[at - 1], definition)
            self.definition(definition, widths[at])
        self.must_blank = False
        self.comments_before(len(self.text))
        return "\n".join(self.lines) + "\n" if self.lines else ""

    def doc(self, doc: str, start: int) -> None:
        self.comments_before(start)
        self.gap(start)
        text = f'"""{doc}"""'
        self.lines += text.split("\n")
        self.end = start + len(text)
        self.may_blank = False

    def definition(self, node: ast.Definition, width: int) -> None:
        start = node.span.start
        if not isinstance(node, ast.Import) and node.doc is not None:
            self.doc(node.doc, self.landmarks.doc_before(start))
        self.comments_before(start)
        self.gap(start)
        if isinstance(node, ast.Import):
            self.comments_within(node.span.end)
            self.write(import_text(node), node.span.end)
            return
        if isinstance(node, ast.Variant):
            header, base = Speller(self.with_block), Speller(self.with_block)
            header.definition("cell", node)
            header.text(" " * (width - len(flat(header.pieces))), " = ")
            base.expression(node.base)
            self.comments_within(node.span.end)
            text = wrap(header.pieces, 0)
            column = len(text) - text.rfind("\n") - 1
            first = flat(base.pieces).split("\n", 1)[0]
            # Behind a long header the base's arguments would be a narrow strip at the end of its lines.
            hanging = _HANGING if column > WIDTH // 2 and column + len(first) > WIDTH else None
            self.write(text + wrap(base.pieces, column, hanging=hanging), node.span.end)
            return
        header = Speller(self.with_block)
        header.definition(_WORDS[type(node)], node)
        before = node.parameters[-1].span.end if node.parameters else start
        self.nested(header.pieces, node.body, before, node.span.end)

    # --- statements ------------------------------------------------------------------------------------------------

    def statements(self, body: Sequence[ast.Statement]) -> None:
        for node, width in zip(body, self.widths(body), strict=True):
            self.comments_before(node.span.start)
            self.gap(node.span.start)
            self.statement(node, width)

    def statement(self, node: ast.Statement, width: int) -> None:
        header = Speller(self.with_block)
        match node:
            case ast.For(name=name, values=values, body=body):
                header.text(f"for {name} in ")
                header.expression(values)
                self.nested(header.pieces, body, values.span.end, node.span.end)
            case ast.If():
                self.choice(node, "if ")
            case ast.Layout(name=name, options=options, body=body):
                header.text(f"layout {name}")
                if options:
                    header.arguments(options)
                before = options[-1].span.end if options else node.span.start
                self.nested(header.pieces, body, before, node.span.end)
            case _:
                texts = [self.simple(part, width) for part in self.divided(node)]
                self.comments_within(node.span.end)
                self.write(f"\n{self.indent}".join(texts), node.span.end)

    def simple(self, node: ast.Statement, width: int) -> str:
        """A statement without blocks of its own; in parentheses, if it cannot be wrapped without."""
        speller = Speller(self.with_block)
        simple_pieces(speller, node, width)
        text = wrap(speller.pieces, len(self.indent))
        is_wide = any(len(line) > WIDTH for line in (self.indent + text).split("\n"))
        if is_wide and "\n" not in flat(speller.pieces):
            speller = Speller(self.with_block)
            simple_pieces(speller, node, width, in_parentheses=True)
            text = wrap(speller.pieces, len(self.indent))
        return text

    def divided(self, node: ast.Statement) -> Sequence[ast.Statement]:
        """Several declarations in the place of one that needs more than a line: a line can't end between two items."""
        if not isinstance(node, ast.Declaration):
            return [node]
        parts = [replace(node, items=node.items[:1])]
        for item in node.items[1:]:
            longer = replace(node, items=(*parts[-1].items, item))
            if len(self.indent + self.simple(longer, 0)) <= WIDTH:
                parts[-1] = longer
            else:
                parts.append(replace(node, items=(item,)))
        return parts

    def choice(self, node: ast.If, opening: str) -> None:
        """`if … { … } else if … { … } else { … }`; `opening` is what stands before the test."""
        header = Speller(self.with_block)
        header.text(opening)
        header.expression(node.test)
        before = node.test.span.end
        if not node.orelse:
            self.nested(header.pieces, node.body, before, node.span.end)
            return
        _, closed = self.landmarks.block_from(before)
        line = self.choice_line(node, header.pieces, opening)
        if line is not None:
            self.write(line, node.span.end)
            return
        self.open(header.pieces, before)
        self.body(node.body, closed)
        following = node.orelse[0]
        if self.is_else_if(node):
            assert isinstance(following, ast.If)
            self.choice(following, "} else if ")
        else:
            self.open(["} else"], closed)
            self.body(node.orelse, node.span.end - 1)
            self.write("}", node.span.end)

    def is_else_if(self, node: ast.If) -> bool:
        """Whether the other branch is an `if` without braces around it."""
        return isinstance(node.orelse[0], ast.If) and node.orelse[0].span.end == node.span.end

    def choice_line(self, node: ast.If, header: Sequence[Piece], opening: str) -> str | None:
        """An `if` with `else` on one line, if it was written so and may stay so."""
        if opening != "if " or self.is_else_if(node) or self.comments.any_before(node.span.end):
            return None
        if "\n" in self.text[node.span.start : node.span.end]:
            return None
        first, second = self.braced(node.body), self.braced(node.orelse)
        line = f"{flat(header)} {first} else {second}"
        return line if first and second and len(self.indent + line) <= WIDTH else None

    # --- blocks ----------------------------------------------------------------------------------------------------

    def nested(self, header: Sequence[Piece], body: Sequence[ast.Statement], before: int, end: int) -> None:
        """A header and its block; `before` is an offset behind which the `{` comes."""
        opened, closed = self.landmarks.block_from(before)
        if "\n" not in self.text[opened:closed] and not self.comments.any_before(closed):
            line = f"{flat(header)} {self.braced(body)}"
            if self.braced(body) and len(self.indent + line) <= WIDTH:
                self.write(line, end)
                return
        self.open(header, before)
        self.body(body, closed)
        self.write("}", end)

    def open(self, header: Sequence[Piece], before: int) -> None:
        """The line with the `{`."""
        opened, _ = self.landmarks.block_from(before)
        self.comments_within(opened)
        self.write(wrap([*header, " {"], len(self.indent)), opened + 1)
        self.may_blank = False

    def body(self, body: Sequence[ast.Statement], closed: int) -> None:
        """The lines between the braces."""
        outer, self.indent = self.indent, self.indent + _INDENT
        self.statements(body)
        self.comments_before(closed)
        self.indent = outer
        self.may_blank = False

    def braced(self, body: Sequence[ast.Statement]) -> str | None:
        """A block of at most one statement on one line; None where it must have lines of its own."""
        if not body:
            return "{}"
        if len(body) > 1 or isinstance(body[0], ast.For | ast.If | ast.Layout):
            return None
        speller = Speller(self.with_block)
        simple_pieces(speller, body[0], 0)
        text = flat(speller.pieces)
        return None if "\n" in text else f"{{ {text} }}"

    def with_block(self, node: ast.With) -> str:
        """The block of a `with` inside an expression, as text whose further lines are indented."""
        opened, closed = self.landmarks.block_from(node.base.span.end)
        if "\n" not in self.text[opened:closed] and not self.comments.any_before(closed):
            line = self.braced(node.body)
            if line is not None and len(self.indent + line) <= WIDTH:
                return line
        outer, self.lines = self.lines, []
        self.write("{", opened + 1, in_line=True)
        self.may_blank = False
        self.body(node.body, closed)
        self.lines.append(self.indent + "}")
        lines, self.lines = self.lines, outer
        return "\n".join(lines).removeprefix(self.indent)

    # --- what stands together --------------------------------------------------------------------------------------

    def widths(self, nodes: Sequence[_Aligned]) -> list[int]:
        """For each node the width to which what stands before its `=` is padded."""
        lengths = [len(aligned_text(node) or "") for node in nodes]
        first = 0
        for at in range(1, len(nodes) + 1):
            if at == len(nodes) or not self.are_aligned(nodes[at - 1], nodes[at]):
                lengths[first:at] = [max(lengths[first:at])] * (at - first)
                first = at
        return lengths

    def are_aligned(self, before: _Aligned, node: _Aligned) -> bool:
        texts = aligned_text(before), aligned_text(node)
        are_short = all(text is not None and len(text) <= WIDTH // 2 for text in texts)
        return type(before) is type(node) and are_short and self.are_close(before, node)

    def are_close(self, before: _Aligned, node: _Aligned) -> bool:
        """Whether two statements, variants or imports of a kind follow each other without a blank line."""
        if type(before) is not type(node) or isinstance(node, ast.Fn | ast.Cell | ast.Network):
            return False
        if isinstance(node, ast.Variant) and node.doc is not None:
            return False
        between = self.text[before.span.end : node.span.start].split("\n")
        return all(line.strip() for line in between[1:-1])


def _with_comment(line: str, comment: Comment, column: int) -> str:
    """A line with a comment at its end, in a column if that is free and the line has room for it there."""
    column = column if column + len(comment.text) <= WIDTH else 0
    return line.ljust(max(len(line) + 2, column)) + comment.text
