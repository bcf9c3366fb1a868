"""The stand-in's `cupy.cuda`: one device, its streams, and cuBLAS."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

from rnnc.simulator.cublas import FILE, Cublas
from rnnc.simulator.driver import FILE as DRIVER
from rnnc.simulator.driver import DeviceModel, Driver
from rnnc.simulator.streams import Event, Graph, Stream, Streams


class Cuda(ModuleType):
    """What `cupy.cuda` is to a loaded module."""

    def __init__(self, model: DeviceModel, *, late: bool = False) -> None:
        super().__init__("cupy.cuda")
        self._model = model
        self.streams = Streams(late)
        self.cublas = Cublas(self.streams)
        self.get_cublas_handle = self.cublas.handle
        self.Event = Event
        self.Graph = Graph
        self.runtime = SimpleNamespace(
            getDevice=lambda: 0,
            getDeviceCount=lambda: 1,
            deviceSynchronize=self.streams.synchronize,
            streamCaptureModeGlobal=0,
            streamCaptureModeThreadLocal=1,
            streamCaptureModeRelaxed=2,
        )
        self.driver = Driver(model)
        self.libraries = {FILE: self.cublas.library, DRIVER: self.driver.library}

    def Device(self, device: int | None = None) -> Device:  # the name is CuPy's
        """The one device, whose number is 0."""
        return Device(self._model, device or 0)

    def Stream(  # the name is CuPy's
        self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None
    ) -> Stream:
        """A new stream, or the default one."""
        return self.streams.null if null else self.streams.new()

    def get_current_stream(self) -> Stream:
        """This thread's current stream."""
        return self.streams.current


class Device:
    """CuPy's `Device`."""

    def __init__(self, model: DeviceModel, number: int) -> None:
        if number != 0:
            raise ValueError(f"there is one device, 0, not {number}")
        self.id = number
        self.attributes = model.attributes()
        self.compute_capability = model.compute_capability

    def use(self) -> Device:
        """Make it current, which it is."""
        return self

    def synchronize(self) -> None:
        """Nothing is ever under way."""

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        return None
