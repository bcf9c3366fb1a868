# A part of every generated module: names that are not defined here are defined in the others.


class _Call:
    """The checked arguments of one call, in the form that the programs take: time first, one dtype."""

    def __init__(self, program, params, x, state, lengths, time_major, training, seed, masks):
        self.parameters = _packed(params)
        self.program, self.time_major = program, time_major
        self.bare = not hasattr(x, "items")
        given = _by_name("x", x, SPEC["inputs"])
        for name, array in given.items():
            if array is None:
                raise TypeError(f"{_shown('x', name, SPEC['inputs'])}: expected an array, got None")
        self.dtype = self.parameters.dtype or _float_dtype(given)
        inputs = self._arrays("x", given, SPEC["inputs"])
        states = {} if state is None else _by_name("state", state, SPEC["states"])
        self.steps, self.rows = self._counted(inputs)
        self.sizes = _sizes(self.parameters.dims, _all_dims(inputs))
        self.parameters.check(self.sizes)
        self.given = {}
        self._take_inputs(inputs, given)
        self._take_states(states)
        self.given["lengths:lengths"] = None if lengths is None else _lengths(lengths, self.steps, self.rows)
        self._take_masks(training, seed, masks)

    def _arrays(self, what, given, table):
        """Arrays of the right dtypes by name, without those that are None."""
        return {
            name: _array(_shown(what, name, table), array, table[name]["dtype"], self.dtype)
            for name, array in given.items()
            if array is not None
        }

    def _leads(self, about, steps, rows):
        """(name, number) of the leading axes of an input or output, in the caller's order."""
        if self.program == "step" or not about["sequence"]:
            return [("batch", rows)] if about["batch"] else []
        leads = [("time", steps), ("batch", rows)] if about["batch"] else [("time", steps)]
        return leads if self.time_major else leads[::-1]

    def _counted(self, inputs):
        """The numbers of steps and rows."""
        places = {"time": [], "batch": []}
        for name, about in SPEC["inputs"].items():
            leads = [lead for lead, _ in self._leads(about, None, None)]
            _check_rank(_shown("x", name, SPEC["inputs"]), inputs[name], leads, about["axes"])
            for axis, lead in enumerate(leads):
                places[lead].append((inputs[name], axis))
        steps, fewest = _count(places["time"]), SPEC.get("fewest_steps", 0)
        if isinstance(steps, int) and steps < fewest and self.program != "step":
            raise ValueError(f"x: {SPEC['name']} picks steps of sequences of length {fewest} or more, not {steps}")
        return steps, _count(places["batch"])

    def _take_inputs(self, inputs, given):
        axes = _input_axes(self.sizes)
        for name, about in SPEC["inputs"].items():
            leads = self._leads(about, self.steps, self.rows)
            _check_shape(_shown("x", name, SPEC["inputs"]), inputs[name], leads, about["axes"], axes[name])
            array = self._turned(inputs[name], about)
            self.given[f"input:{name}"] = _entered(array, given[name], self.program)

    def _take_states(self, states):
        arrays, axes = self._arrays("state", states, SPEC["states"]), _state_axes(self.sizes)
        for name, about in SPEC["states"].items():
            array = arrays.get(name)
            if array is not None:
                leads = [("batch", self.rows)] if about["batch"] else []
                _check_shape(_shown("state", name, SPEC["states"]), array, leads, about["axes"], axes[name])
                array = _entered(array, states[name], self.program)
            self.given[f"state:{name}"] = array

    def _take_masks(self, training, seed, masks):
        masks = {} if masks is None else _by_name("masks", masks, SPEC["masks"], partial=True)
        if seed is not None and (isinstance(seed, bool) or not _is_whole(seed)):
            raise TypeError(f"seed should be a whole number, and is {seed!r}")
        for name, mask in masks.items():
            if mask is None:
                raise TypeError(f"masks[{name!r}]: expected an array, got None")
        if masks and not training:
            raise ValueError("masks are for training=True")
        axes = _mask_axes(self.sizes)
        for site, (name, about) in enumerate(SPEC["masks"].items()):
            mask = None
            if training:
                steps = [("time", self.steps)] if about["per"] == "step" and self.program != "step" else []
                leads = [*steps, ("batch", self.rows)]
                if name in masks:
                    mask = _mask(masks[name], self.dtype)
                    _check_shape(f"masks[{name!r}]", mask, leads, about["axes"], axes[name])
                elif seed is None:
                    raise ValueError(f"training=True needs a seed, or a mask {name!r} in masks")
                else:
                    mask = _mask(_draw(seed, site, about["keep"], [*(n for _, n in leads), *axes[name]]), self.dtype)
            self.given[f"mask:{name}"] = mask

    def _turned(self, array, about):
        """Between time first and the caller's order."""
        turn = not self.time_major and self.program != "step" and about["sequence"] and about["batch"]
        return _swapped(array) if turn else array

    def results(self, found):
        outputs = {}
        for name, about in SPEC["outputs"].items():
            outputs[name] = self._turned(found[f"output:{name}"], about)
        for name, about in SPEC["exposed"].items():
            outputs[name] = self._turned(found[f"expose:{name}"], about)
        return _bare(outputs), _bare({name: found[f"state:{name}"] for name in SPEC["states"]})

    def gradients(self, params, saved, d_outputs, d_final, run):
        """`run(parameters, call, given)` runs the backward program."""
        parameters = _packed(params)
        if parameters.dtype is not None and parameters.dtype != self.dtype:
            raise TypeError(f"params are {parameters.dtype}, and the tape is {self.dtype}")
        parameters.check(self.sizes)
        given = dict(self.given, **saved)
        self._take_cotangents("output", "d_outputs", d_outputs, SPEC["outputs"], _output_axes(self.sizes), given)
        self._take_cotangents("state", "d_final", d_final, SPEC["states"], _state_axes(self.sizes), given)
        found = run(parameters, self, given)
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
            rows = [("batch", self.rows)] if about["batch"] else []
            leads = self._leads(about, self.steps, self.rows) if role == "output" else rows
            array = arrays.get(name)
            if array is None:
                array = _zeros([*(number for _, number in leads), *axes[name]], self.dtype)
            else:
                shown = _shown(what, name, table)
                array = _array(shown, array, "float", self.dtype)
                _check_shape(shown, array, leads, about["axes"], axes[name])
            if role == "output":
                array = self._turned(array, about)
            given[f"cotangent:{role}:{name}"] = _entered(array, array, "backward")
