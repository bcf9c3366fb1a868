"""What passes ask of a program, and change nothing."""
