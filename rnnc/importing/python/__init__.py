"""Python as far as texts need it: values, calls and their arguments, functions and classes of the text."""
