"""Every diagnostic of the compiler: its stable code and what it is about, in one line.

The layers own ranges: E1xx syntax, E2xx names and values, E3xx shapes and types, E4xx structure, E5xx weight layouts,
E6xx calls of other libraries, E8xx recordings, W9xx warnings. A code keeps its meaning for ever; one that is no longer
given is not used again.
"""

from __future__ import annotations

SYNTAX: dict[str, str] = {
    # files and characters
    "E100": "the file cannot be read",
    "E101": "the file is too large",
    "E102": "the file is not UTF-8 text",
    "E103": "a character that the language does not have",
    "E104": "a character that looks like one of the language's but is another",
    "E105": "an invisible or control character",
    # words, numbers, strings
    "E110": "a string or docstring is not closed",
    "E111": "an unknown escape in a string",
    "E112": "strings are written in double quotes",
    "E113": "a number that is written wrongly",
    "E114": "a number that is too large",
    "E115": "a prime that follows no name",
    # brackets and lines
    "E120": "a bracket is not closed",
    "E121": "a bracket closes nothing",
    "E122": "a bracket is closed by one of another kind",
    "E123": "two statements on one line",
    "E124": "a semicolon",
    "E125": "an expression goes on at the next line without brackets",
    "E126": "nesting that is too deep",
    # spellings of other languages
    "E130": "an operator of another language",
    "E131": "a word of another language",
    "E132": "a colon before a block",
    "E133": "`=` where `==` is meant, or the other way round",
    "E134": "`:` where `=` is meant",
    "E135": "comparisons in a chain",
    # statements
    "E140": "a keyword that is spelt wrongly",
    "E141": "something is missing",
    "E142": "something that the grammar does not allow here",
    "E143": "a `for` without `in`",
    "E144": "a statement that belongs elsewhere",
    "E145": "a declaration without axes, with axes in another place, or with labels where indices stand",
    "E146": "an unknown word after `:` or `order`",
}

NAMES: dict[str, str] = {
    # names
    "E201": "a name that is not defined",
    "E202": "a prime on what is no state",
    "E203": "a member that a family does not have, or a family where one member is wanted",
    "E204": "a `let` or a `use` that needs itself",
    "E205": "what is called is no function or cell",
    # compile-time values
    "E206": "a compile-time number is wanted",
    "E207": "a size that decides the structure is not given",
    "E208": "what is no size",
    "E209": "what is no condition",
    "E210": "what is no list or range",
    "E212": "a condition without `else` where nothing cannot stand",
    "E213": "a tensor is wanted",
    "E214": "the name of an axis is wanted",
    "E215": "a bracket after what has no members",
    "E216": "an index outside of a list",
    "E217": "none of the choices of an option or parameter",
    "E218": "arithmetic without a result",
    "E219": "more than can be unrolled",
    # calls
    "E220": "an operand with a weight but without a name",
    "E221": "an option or parameter that does not exist",
    "E222": "an argument that is given twice",
    "E223": "too few or too many arguments",
    "E224": "a flag that is neither true nor false",
    "E225": "an option that must be stated",
    "E226": "an option that wants whole numbers",
    "E227": "what is no initialiser",
    "E228": "a number outside of what is allowed",
    "E229": "an option that names an equation or a function",
    # parameters, files, variants
    "E230": "a parameter that must be given to compile this",
    "E231": "two definitions of one name",
    "E233": "imports in a circle",
    "E234": "an imported name that the file does not define",
    "E235": "a file that cannot be imported",
    "E236": "a variant that derives from itself",
    "E237": "`with` after what is no cell",
    "E238": "`drop` of what is not there",
    "E239": "a value of the wrong kind: a cell, function or tensor is wanted",
    "E240": "a size that no array's shape tells",
    "E241": "a name of no definition in the file",
    "E242": "a value for a parameter that does not exist",
    "E243": "an equation to expose that does not exist",
    "E244": "what an inner cell does not have",
    "E245": "a cell is used without one of its parameters",
    "E246": "a label of an argument, where it means nothing",
    "E247": "`shared over` of what has no weights",
    "E248": "`as` behind a call that has nothing to name",
    "E249": "a comparison of what is never equal",
    "E250": "a name that may mean an axis or a value",
}

SHAPES: dict[str, str] = {
    "E301": "axes that do not fit together",
    "E302": "a state and its equation have different axes",
    "E303": "an argument has other axes than its function or cell wants",
    "E304": "an axis that is not there",
    "E305": "two axes of one label",
    "E306": "which axis is meant must be said",
    "E307": "a slice outside of its axis",
    "E308": "sizes that do not hold the same numbers",
    "E309": "a matrix product of what does not fit",
    "E310": "types that an operation does not take",
    "E311": "axes that nothing determines",
    "E312": "a shared weight with two shapes",
    "E313": "a sequence is wanted",
    "E314": "too many axes",
}

STRUCTURE: dict[str, str] = {
    "E401": "equations that need themselves within one step",
    "E402": "two weights or masks of one name",
    "E403": "a weight or mask without an equation that names it",
    "E404": "what belongs in a network stands in a cell",
    "E405": "nesting without end",
    "E406": "a name that is assigned twice",
    "E407": "a state without an equation",
    "E408": "an inner cell that is stepped twice",
    "E409": "an output size that is not known",
    "E410": "a function that returns nothing",
    "E412": "a statement that has no place here",
    "E413": "a `let` with an index or a prime",
    "E414": "a value where none may stand, or none where one must",
    "E415": "an inner cell that is never stepped",
    "E416": "a body without inputs",
    "E417": "an output without a name",
    "E418": "a body without outputs",
    "E419": "an initial value that is not there before the first step",
    "E420": "an equation that nothing reads (a warning)",
    "E421": "an output that is a state before the step (a warning)",
    "E422": "an axis of batch or time in a description (a warning)",
    "E423": "a layout with a name that is no parameter (a warning)",
    "E424": "what is declared and nothing reads (a warning)",
    "E425": "a parameter that nothing reads (a warning)",
}

LAYOUTS: dict[str, str] = {
    "E501": "an option of a layout that is no plain value",
    "E502": "a scope of what is no inner cell or layer",
    "E504": "a foreign array that is arranged twice",
    "E505": "an order of what is not there, or twice",
    "E506": "what is no arrangement of parameters",
    "E507": "blocks that do not fit together",
    "E508": "a function that layouts do not have",
    "E509": "a foreign name that cannot be put together",
    "E510": "what is no call of another library's",
}

CALLS: dict[str, str] = {
    "E601": "text that is no Python",
    "E602": "Python that is not read, or not evaluated",
    "E603": "a name of a library that `rnnc import` does not know",
    "E604": "an argument that does not exist, is missing, or is given twice",
    "E605": "an argument of the wrong kind",
    "E606": "what a description cannot say",
}

RECORDINGS: dict[str, str] = {
    "E801": "sizes of arrays that contradict each other",
    "E802": "arrays that do not fit a layout",
    "E803": "recorded names that cannot be matched",
    "E804": "a recording that does not fit the cell",
    "E805": "sizes to verify with that do not suit the cell",
    "E806": "a counterpart that is not declared, or cannot be built",
    "E807": "a reference that could not be run",
    "E808": "a cell that computes in no dtype of its own",
    "E809": "an index outside its table, while a cell is proved",
    "E811": "a file of weights that cannot be read or written",
    "E812": "weights that mean something else",
    "E813": "weights of which it is not known what cell they belong to",
}

CODES: dict[str, str] = {**SYNTAX, **NAMES, **SHAPES, **STRUCTURE, **LAYOUTS, **CALLS, **RECORDINGS}
