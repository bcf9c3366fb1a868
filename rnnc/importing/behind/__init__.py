"""What stands behind a driver in a script of TensorFlow 1: read exactly, or told as left out."""
