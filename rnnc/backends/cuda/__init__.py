"""CUDA: kernels as text for NVRTC, and modules that launch them through CuPy."""

from rnnc.backends.cuda.module import emit

__all__ = ["emit"]
