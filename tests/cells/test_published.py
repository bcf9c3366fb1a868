"""The published cells in examples/ against NumPy written from their papers (`papers/`): sequences with lengths."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

import rnnc
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.printing.format import format_source
from rnnc.syntax.source import read_source
from tests.cells.papers import continuous, gates, grus, images, lstms, memories, networks
from tests.cells.papers.shared import Step, identity, relu

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STEPS, LENGTHS = 9, np.array([9, 5, 1, 0])
SIZES = {"units": 4, "input": 3, "row": 3, "col": 4, "channel": 2}
LONGEST = 25  # lines of a definition, its layouts not counted


class Case(NamedTuple):
    example: str
    step: Step
    options: dict[str, Any]

    @property
    def label(self) -> str:
        given = "".join(f",{name}={value}" for name, value in self.options.items())
        return f"{self.example}{given}"


def case(example: str, step: Step, **options: Any) -> Case:
    """`example` is FILE:NAME."""
    return Case(example, step, options)


CASES = [
    case("elman:Elman", networks.elman, outputs=2),
    case("elman:Jordan", networks.jordan, outputs=2),
    case("narx:NARX", networks.narx, outputs=2),
    case("clockwork:Clockwork", networks.clockwork, units=2),
    case("antisymmetric:AntisymmetricRNN", networks.antisymmetric),
    case("cornn:CoRNN", networks.cornn(True)),
    case("cornn:CoRNN", networks.cornn(False), damping="implicit"),
    case("cornn:UnICORNN", networks.unicornn),
    case("lem:LEM", networks.lem),
    case("lipschitz:LipschitzRNN", continuous.lipschitz),
    case("liquid:CfC", continuous.closed_form, backbone=5),
    case("liquid:LTC", continuous.liquid),
    case("ode_rnn:ODERNN", continuous.ode_gru, inner="GRU(4, reset = before)"),
    *(
        case(f"lstm_variants:{name}", lstms.greff(name))
        for name in ("Vanilla", "NIG", "NFG", "NOG", "NIAF", "NOAF", "CIFG", "NP", "FGR")
    ),
    case("mogrifier:Mogrifier", lstms.mogrifier(5, False)),
    case("mogrifier:Mogrifier", lstms.mogrifier(2, True), rounds=2, rank=2),
    case("mogrifier:Mogrifier", lstms.mogrifier(0, False), rounds=0),
    case("nested_lstm:NestedLSTM", lstms.nested_lstm(lambda z: z)),
    case("nested_lstm:NestedLSTM", lstms.nested_lstm(np.tanh), candidate="tanh"),
    case("on_lstm:ONLSTM", lstms.on_lstm, units=6, chunk=2),
    case("hyper_lstm:HyperLSTM", lstms.hyper_lstm, hyper=3, width=2),
    case("multiplicative:MultiplicativeLSTM", lstms.multiplicative_lstm),
    case("multiplicative:MIRNN", networks.mi_rnn),
    case("time_lstm:TimeLSTM", lstms.time_lstm),
    *(case("sub_lstm:SubLSTM", lstms.sub_lstm, fixed_forget=fixed) for fixed in (False, True)),
    case("fast_slow:FastSlow", lstms.fast_slow, units=4, slow_units=3, fast=3),
    case("pred_rnn:PredRNN", images.pred_rnn, filters=2, layers=2, kernel=[3, 1]),
    case("reservoir:EchoState", networks.echo_state, outputs=2, leak=0.3),
    case("reservoir:SCRN", networks.scrn, slow=2, outputs=3),
    case("fast_weights:FastWeights", networks.fast_weights, rounds=2),
    case("layer_norm_cells:LayerNormProductsLSTM", lstms.layer_norm_products_lstm),
    case("layer_norm_cells:LayerNormProductsGRU", grus.layer_norm_products_gru),
    case("layer_norm_cells:LayerNormGRU", grus.layer_norm_gru),
    case("layer_norm_cells:DreamerGRU", grus.dreamer_gru),
    case("xlstm:SLSTM", lstms.slstm(False), units=6, heads=2),
    case("xlstm:SLSTM", lstms.slstm(True), units=6, heads=3, forget="exponential"),
    case("xlstm:MLSTM", lstms.mlstm(False), units=6, heads=2),
    case("xlstm:MLSTM", lstms.mlstm(True), units=4, heads=2, floor="one"),
    case("gru_variants:GRUv1", grus.gru(True, True)),
    case("gru_variants:GRUv3", grus.gru(True, False)),
    case("gru_variants:ChungGRU", grus.gru(False, False)),
    *(case(f"gru_variants:GRU{k}", grus.dey_salem(k)) for k in (1, 2, 3)),
    *(case(f"mut:MUT{k}", grus.mut(k)) for k in (1, 2, 3)),
    *(case(f"mgu:MGU{k or ''}", grus.mgu(k)) for k in (0, 1, 2, 3)),
    case("janet:JANET", grus.janet),
    case("ligru:LiGRU", grus.ligru),
    case("ligru:LiGRU", grus.ligru, bias=False),
    case("gru_d:GRUD", grus.gru_d, mean=0.3),
    case("star:STAR", grus.star),
    *(case("additive:RAN", grus.additive(f), activation=f.__name__) for f in (np.tanh, identity)),
    case("additive:ATR", grus.twin_gated),
    case("additive:LightRU", grus.light_unit),
    case("bistable:BRC", grus.bistable),
    case("bistable:NBRC", grus.bistable),
    case("tau_gru:TauGRU", grus.tau_gru),
    case("tau_gru:TauGRU", grus.tau_gru, delay=4),
    case("conv_gru:ConvGRU", images.conv_gru, filters=3),
    case("conv_gru:ConvGRU", images.conv_gru, filters=2, kernel=[1, 5]),
    case("minimal_rnn:MinimalRNN", grus.minimal_rnn),
    case("cfn:CFN", grus.cfn(False)),
    case("cfn:ComplementCFN", grus.cfn(True)),
    case("fast_grnn:FastGRNN", grus.fast_grnn(False)),
    case("fast_grnn:FastGRNN", grus.fast_grnn(True), w_rank=2, u_rank=3),
    case("fast_grnn:FastRNN", grus.fast_rnn),
    case("highway_rnn:RHN", grus.highway(True)),
    case("highway_rnn:RHN", grus.highway(False), coupled=False),
    case("skip_input:SkipInputLSTM", lstms.skip_input_lstm),
    case("skip_input:SkipInputGRU", grus.skip_input_gru),
    case("skip_input:SkipInputRNN", networks.skip_input_rnn(np.tanh)),
    case("skip_input:SkipInputRNN", networks.skip_input_rnn(relu), activation="relu"),
    case("skip_rnn:SkipRNN", grus.skip_lstm, inner="LSTM(4)"),
    case("variational:VariationalRNN", networks.simple_rnn),
    case("variational:VariationalLSTM", lstms.plain_lstm),
    case("variational:VariationalGRU", grus.gru(True, False)),
    case("variational:VariationalGRU", grus.gru(True, True), reset="after"),
    case("light_sru:LightSRU", gates.light_sru, scale=1.5),
    case("light_sru:FirstSRU", gates.first_sru),
    case("light_sru:SRUpp", gates.srupp, inner=2),
    case("strongly_typed:TRNN", gates.strongly_typed_rnn),
    case("strongly_typed:TGRU", gates.strongly_typed_gru),
    case("strongly_typed:TLSTM", gates.strongly_typed_lstm),
    *(case("qrnn:QRNN", gates.qrnn(name, 2), pooling=name) for name in ("f", "fo", "ifo")),
    case("qrnn:QRNN", gates.qrnn("ifo", 3), pooling="ifo", window=3, bias=True),
    case("qrnn:TorchQRNN", gates.qrnn("fo", 1, True)),
    case("qrnn:TorchQRNN", gates.qrnn("f", 2, True), window=2, pooling="f"),
    case("min_gru:MinGRU", gates.min_gru(False)),
    case("min_gru:MinGRU", gates.min_gru(True), activation="positive"),
    case("min_gru:MinLSTM", gates.min_lstm),
    case("hgrn:HGRN", gates.hgrn, bound=0.25),
    case("rg_lru:RGLRU", gates.rg_lru),
    case("lru:LRU", gates.lru, outputs=2),
    case("mamba:S6", gates.s6(True), units=4, N=3, rank=2),
    case("mamba:S6", gates.s6(False), units=4, N=4, discretisation="zoh"),
    case("mamba:Mamba", gates.mamba, units=2, N=3),
    case("lmu:LMU", gates.lmu),
    case("linear_attention:LinearAttention", memories.linear_attention, units=6, heads=2),
    case("linear_attention:GatedLinearAttention", memories.gated_linear_attention, units=6, heads=2, rank=2),
    case("delta_net:DeltaNet", memories.delta_net(False), units=6, heads=2),
    case("delta_net:GatedDeltaNet", memories.delta_net(True), units=6, heads=2),
    case("retention:Retention", memories.retention, units=12, heads=2),
    case("dnc:DNC", memories.neural_computer, units=4, slots=5, width=3),
    case("ntm:NTM", memories.turing_machine, units=4, slots=5, width=3),
    case("test_time:TTTLinear", memories.test_time_training, units=6, heads=2),
    case("test_time:NeuralMemory", memories.neural_memory, units=3, hidden=5),
    case("weighted_average:RWA", memories.weighted_average),
    case("rwkv:TimeMixing", memories.time_mixing, width=3),
    case("rwkv:ChannelMixing", memories.channel_mixing, width=3),
]
FILES = sorted({each.example.partition(":")[0] for each in CASES})


class Read(dict[str, np.ndarray]):
    """Parameters that tell which of them were read."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        super().__init__(arrays)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> np.ndarray:
        self.names.add(name)
        return super().__getitem__(name)


def drawn(module: ModuleType, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Parameters around their initial values; those that are not trained as they are."""
    sizes = {name: SIZES[name] for name in module.SPEC["sizes"]}
    found = module.init_params(seed=1, dtype="float64", **sizes)
    trained = [name for name, spec in module.SPEC["parameters"].items() if spec["trained"]]
    return found | {name: found[name] + generator.normal(0, 0.4, found[name].shape) for name in trained}


def inputs(module: ModuleType, params: dict[str, np.ndarray], generator: np.random.Generator) -> dict[str, np.ndarray]:
    """[batch, time, …] each; a mask is 0 or 1, a time gap is positive."""
    found: dict[str, np.ndarray] = {}
    for name, spec in module.SPEC["inputs"].items():
        shape = [SIZES[size] if isinstance(size, str) else size for size in spec["shape"]]
        found[name] = generator.normal(0, 1, (len(LENGTHS), STEPS, *shape))
    made = {"mask": lambda drawn: (drawn > 0) * 1.0, "gap": np.abs}
    return {name: made[name](array) if name in made else array for name, array in found.items()}


def named(value: Any, names: dict[str, Any]) -> dict[str, np.ndarray]:
    """A bare array of the only name, or the dict that several make."""
    return value if isinstance(value, dict) else dict(zip(names, [value], strict=True))


def bare(arrays: dict[str, np.ndarray]) -> Any:
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def by_hand(
    step: Step, w: Read, x: dict[str, np.ndarray], state: dict[str, np.ndarray], outputs: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What the steps give, one after the other; a row that has ended keeps its states and gives zeros."""
    steps: dict[str, list[np.ndarray]] = {name: [] for name in outputs}
    for t in range(STEPS):
        y, new = step(w, bare({name: array[:, t] for name, array in x.items()}), state, t)
        runs = t < LENGTHS

        def masked(array: np.ndarray, other: np.ndarray, runs: np.ndarray = runs) -> np.ndarray:
            return np.where(runs.reshape(-1, *[1] * (array.ndim - 1)), array, other)

        for name, array in named(y, outputs).items():
            steps[name].append(masked(array, np.zeros_like(array)))
        assert new.keys() == state.keys()
        state = {name: masked(np.broadcast_to(array, state[name].shape), state[name]) for name, array in new.items()}
    return {name: np.stack(arrays, 1) for name, arrays in steps.items()}, state


def initial(module: ModuleType, params: dict[str, np.ndarray], x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The initial states, as a run of no steps gives them back."""
    _, state = module.forward(params, bare({name: array[:, :0] for name, array in x.items()}))
    return named(state, module.SPEC["states"])


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_in_the_standard_form_and_tells_where_it_comes_from(file: str) -> None:
    """At most 25 lines each, and a citation; every definition of the file is compared below."""
    source = read_source(EXAMPLES / f"{file}.rnn")
    assert format_source(source) == source.text
    cells = [d for d in parse(source).definitions if isinstance(d, ast.Cell | ast.Variant)]
    for cell in cells:
        assert cell.span.text.count("\n") < LONGEST, cell.name
        assert re.search(r"(19|20)\d\d", cell.doc or parse(source).doc or ""), cell.name
    assert {cell.name for cell in cells} == {
        each.example.partition(":")[2] for each in CASES if each.example.startswith(f"{file}:")
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_the_module_computes_the_equations_of_the_paper(case: Case) -> None:
    file, _, name = case.example.partition(":")
    module = rnnc.compile(EXAMPLES / f"{file}.rnn", name=name, options=case.options)
    labels = [label for about in module.SPEC["parameters"].values() for label in about["axes"]]
    assert not [label for label in labels if "?" in label]
    generator = np.random.default_rng(7)
    params = drawn(module, generator)
    x = inputs(module, params, generator)
    outputs, state = module.forward(params, bare(x), lengths=LENGTHS)
    start = initial(module, params, x)
    counter = {"step"} & start.keys()  # made by the compiler, not by the paper

    read = Read(params)
    before = {key: array for key, array in start.items() if key not in counter}
    wanted, final = by_hand(case.step, read, x, before, module.SPEC["outputs"])
    _same(named(outputs, wanted), wanted)
    _same({key: array for key, array in named(state, start).items() if key not in counter}, final)
    assert all(np.abs(array).max() > 1e-3 for array in wanted.values())
    trained = {key for key, spec in module.SPEC["parameters"].items() if spec["trained"]}
    assert read.names >= trained


def _same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert found.keys() == wanted.keys()
    for key, array in wanted.items():
        assert found[key].shape == array.shape
        assert np.isfinite(array).all()
        np.testing.assert_allclose(found[key], array, rtol=1e-10, atol=1e-10, err_msg=key)
