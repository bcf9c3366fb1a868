"""The drawing of a body: its pieces, how each looks, and all of it as SVG."""
