"""Names and what they stand for at compile time: values, definitions, variants of cells."""
