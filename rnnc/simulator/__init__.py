"""CUDA on the CPU: generated kernel text, unchanged, with CUDA's threads, barriers and memory, and no GPU.

`launch.Kernels` runs kernels over NumPy arrays and reports what is wrong with them; `loader.load` runs a whole
generated module, whose CuPy is then a stand-in; `nvrtc.compile_kernels` asks NVIDIA's own compiler about the same text.
"""
