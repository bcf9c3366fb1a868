"""A graph laid out: columns, the order in them, heights, and the tracks of wires."""
