# A part of modules for libraries of arrays; `xp` becomes the name of the library. Other names are defined elsewhere.


class _Call:
    """The checked arguments of one call, in the form that the programs take: time first, contiguous, one dtype."""

    def __init__(self, program, params, x, state, lengths, time_major, training, seed, masks):
        packed = params if isinstance(params, _Packed) else _Packed(params, _as_array)
        self.program, self.time_major = program, time_major
        self.bare = not hasattr(x, "items")
        inputs = _by_name("x", x, SPEC["inputs"])
        self.dtype = packed.dtype or _float_dtype("x", inputs)
        inputs = {
            name: _array(f"x[{name!r}]" if len(inputs) > 1 else "x", array, about["dtype"], self.dtype)
            for (name, about), array in zip(SPEC["inputs"].items(), inputs.values())
        }
        self.steps = self.rows = None
        for name, about in SPEC["inputs"].items():
            self._note(name, inputs[name], about)
        self.sizes = _sizes(_shapes(packed.arrays), _shapes(inputs))
        _check_parameters(packed.arrays, self.sizes)
        self.packed = packed.program(program, self.sizes, self.dtype)
        self.given = {}
        axes = _input_axes(self.sizes)
        for name, about in SPEC["inputs"].items():
            leads = self._leads(about)
            _check_shape("x" if len(inputs) == 1 else f"x[{name!r}]", inputs[name], leads, about["axes"], axes[name])
            array = inputs[name]
            if leads[:1] == [("batch", self.rows)] and len(leads) == 2:
                array = array.swapaxes(0, 1)
            copy = program == "train" and xp.may_share_memory(array, x if self.bare else x[name])
            self.given[f"input:{name}"] = xp.array(array, order="C") if copy else xp.ascontiguousarray(array)
        self._take_state(state)
        self.given["lengths:lengths"] = self._lengths(lengths)
        self._take_masks(training, seed, masks)

    def _leads(self, about):
        if self.program == "step" or not about["sequence"]:
            return [("batch", self.rows)] if about["batch"] else []
        leads = [("time", self.steps), ("batch", self.rows)] if about["batch"] else [("time", self.steps)]
        return leads if self.time_major else leads[::-1]

    def _note(self, name, array, about):
        """Learn the numbers of steps and rows from the first input that has them."""
        leads = self._leads(about)
        _check_rank(
            "x" if len(SPEC["inputs"]) == 1 else f"x[{name!r}]", array, [lead for lead, _ in leads], about["axes"]
        )
        for (lead, _), number in zip(leads, array.shape):
            if lead == "time" and self.steps is None:
                self.steps = number
            elif lead == "batch" and self.rows is None:
                self.rows = number

    def _take_state(self, state):
        states = {} if state is None else _by_name("state", state, SPEC["states"])
        axes = _state_axes(self.sizes)
        for name, about in SPEC["states"].items():
            array = states.get(name)
            if array is not None:
                what = "state" if len(SPEC["states"]) == 1 else f"state[{name!r}]"
                array = _array(what, array, about["dtype"], self.dtype)
                _check_shape(what, array, [("batch", self.rows)] if about["batch"] else [], about["axes"], axes[name])
                array = xp.array(array, order="C") if self.program == "train" else xp.ascontiguousarray(array)
            self.given[f"state:{name}"] = array

    def _lengths(self, lengths):
        if lengths is None:
            return None
        lengths = _on_host(lengths)
        if lengths.size and lengths.dtype.kind not in "iu":
            raise TypeError(f"lengths should be integers, and are {lengths.dtype}")
        if lengths.shape != (self.rows,):
            raise ValueError(f"lengths: expected [batch={self.rows}], got {lengths.shape}")
        if self.rows and (lengths.min() < 0 or lengths.max() > self.steps):
            raise ValueError(
                f"lengths should be from 0 to {self.steps}, and are from {lengths.min()} to {lengths.max()}"
            )
        if not self.rows or lengths.min() == self.steps:
            return None  # every step is valid
        return xp.asarray(lengths.astype(LENGTHS))

    def _take_masks(self, training, seed, masks):
        masks = dict(masks or {})
        if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__")):
            raise TypeError(f"seed should be a whole number, and is {seed!r}")
        for name in masks:
            if name not in SPEC["masks"]:
                raise KeyError(f"masks: unknown mask {name!r}{_suggestion(name, SPEC['masks'])}")
        if masks and not training:
            raise ValueError("masks are for training=True")
        axes = _mask_axes(self.sizes)
        for site, (name, about) in enumerate(SPEC["masks"].items()):
            mask = None
            if training:
                steps = [("time", self.steps)] if about["per"] == "step" and self.program != "step" else []
                leads = [*steps, ("batch", self.rows)]
                if name in masks:
                    mask = xp.ascontiguousarray(masks[name], self.dtype)
                    _check_shape(f"masks[{name!r}]", mask, leads, about["axes"], axes[name])
                elif seed is None:
                    raise ValueError(f"training=True needs a seed, or a mask {name!r} in masks")
                else:
                    drawn = _draw(seed, site, about["keep"], (*(n for _, n in leads), *axes[name]))
                    mask = xp.asarray(drawn.astype(self.dtype))
            self.given[f"mask:{name}"] = mask

    def run(self):
        return _execute(self.program, self.packed, self.sizes, self.steps, self.rows, self.dtype, self.given)

    def results(self, found):
        outputs = {}
        for name, about in SPEC["outputs"].items():
            outputs[name] = self._turned(found[f"output:{name}"], about)
        for name, about in SPEC["exposed"].items():
            outputs[name] = self._turned(found[f"expose:{name}"], about)
        return _bare(outputs), _bare({name: found[f"state:{name}"] for name in SPEC["states"]})

    def _turned(self, array, about):
        """Between time first and the caller's order."""
        turn = not self.time_major and self.program != "step" and about["sequence"] and about["batch"]
        return array.swapaxes(0, 1) if turn else array

    def gradients(self, params, saved, d_outputs, d_final):
        packed = params if isinstance(params, _Packed) else _Packed(params, _as_array)
        if packed.dtype is not None and packed.dtype != self.dtype:  # float64 and None are equal to NumPy
            raise TypeError(f"params are {packed.dtype}, and the tape is {self.dtype}")
        _check_parameters(packed.arrays, self.sizes)
        given = {**self.given, **saved}
        self._take_cotangents("output", "d_outputs", d_outputs, SPEC["outputs"], _output_axes(self.sizes), given)
        self._take_cotangents("state", "d_final", d_final, SPEC["states"], _state_axes(self.sizes), given)
        prepared = packed.program("backward", self.sizes, self.dtype)
        found = _execute("backward", prepared, self.sizes, self.steps, self.rows, self.dtype, given)
        inputs = {}
        for name, about in SPEC["inputs"].items():
            gradient = found.get(f"gradient:input:{name}")
            inputs[name] = gradient if gradient is None else self._turned(gradient, about)
        return {
            "x": inputs[next(iter(inputs))] if self.bare else inputs,
            "state": _bare({name: found.get(f"gradient:state:{name}") for name in SPEC["states"]}),
            "params": {
                name: found[f"gradient:param:{name}"] for name, about in SPEC["parameters"].items() if about["trained"]
            },
        }

    def _take_cotangents(self, role, what, arrays, table, axes, given):
        arrays = {} if arrays is None else _by_name(what, arrays, table, partial=True)
        for name, about in table.items():
            if about["dtype"] != "float":
                if arrays.get(name) is not None:
                    raise TypeError(f"{what}[{name!r}]: integers have no gradient")
                continue
            leads = self._leads(about) if role == "output" else [("batch", self.rows)] if about["batch"] else []
            array = arrays.get(name)
            if array is None:
                array = xp.zeros([*(number for _, number in leads), *axes[name]], self.dtype)
            else:
                shown = what if len(table) == 1 else f"{what}[{name!r}]"
                array = _array(shown, array, "float", self.dtype)
                _check_shape(shown, array, leads, about["axes"], axes[name])
            if role == "output":
                array = self._turned(array, about)
            given[f"cotangent:{role}:{name}"] = xp.ascontiguousarray(array)
