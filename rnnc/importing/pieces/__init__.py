"""What calls mean: definitions of the library with arguments, flows of layers, and their text."""
