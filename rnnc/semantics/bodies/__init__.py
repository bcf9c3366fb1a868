"""What is under construction: frames, states and inner cells, inputs; how a body ends, and what is wrong in it."""
