"""A cell for people: its equations as mathematics, a drawing of its graph, and what can be counted of it."""
