# A part of every generated CUDA module: loops that go step by step, as captured graphs.


_CAPTURED = 16  # steps of a graph; even, since it takes two until arrays are where they were
_KEPT = 16  # graphs of a thread on a device; the one that has not been launched for longest goes first
_GRAPHS = threading.local()


class _Record:
    """What a step launches, to be launched again: kernels and products, whose arguments do not change."""

    def __init__(self, launch):
        self.launch, self.calls = launch, []

    def __call__(self, name, threads, *arguments):
        if threads:
            self._add(_THREADS, 0, *self.launch.prepared(name, threads, arguments))

    def tiles(self, name, tiles, *arguments):
        if tiles.blocks:
            self._add(_TILE_THREADS, _TILE_BYTES, *self.launch.prepared(name, tiles.blocks * _THREADS, arguments))

    def _add(self, threads, shared, kernel, grid, passed):
        self.calls.append((kernel, ((grid,), (threads,), passed), {"shared_mem": shared}))

    def product(self, a, b, out):
        if out.size:
            self.calls.append((None, (a, b, out), {}))

    def again(self, product):
        """Launch all of it, products by the function that is given."""
        for kernel, arguments, how in self.calls:
            (kernel or product)(*arguments, **how)

    def fixed(self):
        """All that a graph of these launches depends on: it holds for whoever has arrays at the same addresses."""
        for kernel, arguments, _ in self.calls:
            if kernel is None:
                yield tuple((_address(array), array.shape, array.strides, str(array.dtype)) for array in arguments)
            else:
                grid, _, passed = arguments
                yield id(kernel), grid, *(_address(a) if isinstance(a, cp.ndarray) else int(a) for a in passed)


def _address(array):
    return array.data.ptr


def _steps(launch, count, step, current, following, reverse=False):
    """A loop: `count` times `step`, which launches what takes the arrays `current` on to those that are `following`,
    whereupon they change places. Gives the arrays of what is carried after the loop.

    The number of a step is on the device. So all that differs between steps is which arrays are current, and every
    second step is the same launches: some steps together are a graph, whose size does not depend on their number.
    """
    numbers = cp.full(2, count - 1 if reverse else 0, np.int64)
    sets = (numbers[:1], *current), (numbers[1:], *following)
    pair = [_Record(launch), _Record(launch)][:count]
    for record, here, there in zip(pair, sets, sets[::-1]):
        step(record, *here, *there)
    done = 0
    if count >= _CAPTURED + 2 and not cp.cuda.get_current_stream().is_capturing():
        done = _own(_GRAPHS, _Graphs).run(pair, count)
    for number in range(done, count):
        pair[number % 2].again(_product)
    return following if count % 2 else current


class _Graphs:
    """Captured graphs of one thread on one device, and the stream on which they are captured and launched.

    A graph has the addresses of one call's arrays in it, and is launched again where all of them are the same: memory
    from a pool often is. The caller's stream may be one that cannot be captured; ours waits for it, and it for ours.
    """

    def __init__(self):
        self.stream = cp.cuda.Stream(non_blocking=True)
        self.before, self.after = (cp.cuda.Event(disable_timing=True) for _ in range(2))
        self.kept, self.blas, self.broken = collections.OrderedDict(), None, False

    def run(self, pair, count):
        """The steps of a loop; how many of them were launched: none where graphs cannot be captured here."""
        if self.broken:
            return 0
        done, outer = 0, cp.cuda.get_current_stream()
        self.stream.wait_event(outer.record(self.before))
        try:
            self.blas = self.blas or _Blas()
            with self.stream:
                self.blas.enter(self.stream)
                key = tuple(fixed for record in pair for fixed in record.fixed())
                graph = self.kept.pop(key, None)
                if graph is None:
                    for record in pair:  # what libraries do only once, they do here
                        record.again(self.blas.product)
                        done += 1
                    graph = self.captured(pair)
                self.kept[key] = graph
                for _ in range((count - done) // _CAPTURED):
                    graph.launch(self.stream)
                    done += _CAPTURED
                while done < count:
                    pair[done % 2].again(self.blas.product)
                    done += 1
                if len(self.kept) > _KEPT:
                    self.stream.synchronize()
                    self.kept.popitem(last=False)
        except Exception as error:  # a step that was begun can be done again: it reads nothing that it writes
            self.broken = True
            warnings.warn(f"no captured graphs, every step is launched on its own: {error}", stacklevel=7)
        finally:
            outer.wait_event(self.stream.record(self.after))
        return done

    def captured(self, pair):
        """Some steps as a graph, none of which is done yet."""
        self.stream.begin_capture(cp.cuda.runtime.streamCaptureModeThreadLocal)
        try:
            for number in range(_CAPTURED):
                pair[number % 2].again(self.blas.product)
        finally:
            graph = self.stream.end_capture()
        return graph
