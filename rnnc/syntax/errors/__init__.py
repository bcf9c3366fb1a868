"""Where the grammar cannot go on: what is wrong there, in words that help, and what is left of the file."""
