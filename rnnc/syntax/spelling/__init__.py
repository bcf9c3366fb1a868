"""Slips in the spelling of single words and signs, as a lexer meets them."""
