"""`layout` blocks: arrays of other libraries as arrangements of parameters."""
