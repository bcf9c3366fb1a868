"""The cells, layers and drivers of each library."""
