"""The graph of a body while its shapes are found, and the operations that it becomes."""
