"""The functions of the language, and those of descriptions; layers of networks."""
