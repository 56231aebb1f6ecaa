"""The part of a script that gives every parameter its start, as `vit_lab.init` does."""

from collections.abc import Collection

from vit_lab.config import SchemeName

# sigma^2 of a weight before scales, as the schemes of `vit_lab.init.schemes` have it; and what it is drawn from.
XAVIER = "2 / (fan_in + fan_out)"
FORMULAS: dict[SchemeName, tuple[str, str]] = {
    "linear-default": ("1 / (3 * fan_in)", "uniform"),
    "xavier": (XAVIER, "uniform"),
    "kaiming": ("2 / fan_in", "normal"),
    "vit": ("0.02**2", "truncated"),
    "normal": ("1.0", "normal"),
    "lecun": ("1 / fan_in", "normal"),
    "gamma": ("fan_in ** (-2 * GAMMA)", "normal"),
    "gpt2": ("0.02**2", "normal"),
    "t-fixup": (XAVIER, "uniform"),
    "deepnorm": (XAVIER, "uniform"),
}
KNOWN: tuple[SchemeName, ...] = (*FORMULAS, "orthogonal", "lsuv", "mimetic", "impulse")
SMALLER = ("gpt2", "t-fixup", "deepnorm")  # which have a factor by place

DRAWS = '''
def uniforms(shape, name):
    """The draw behind a parameter, in (0, 1): whatever the scheme, it is the same."""
    chance = generator_for(SEED, "init", name)
    return torch.rand(shape, dtype=torch.float64, generator=chance).clamp_(min=2.0**-54)


def uniform(shape, name):
    #? one_draw
    """Numbers of variance 1: another scheme does other things to the same draw."""
    chance = generator_for(SEED, "init", name)
    u = torch.rand(shape, dtype=torch.float64, generator=chance).clamp_(min=2.0**-54)
    return (2 * u - 1) * math.sqrt(3)
    #.
    return (2 * uniforms(shape, name) - 1) * math.sqrt(3)  # of variance 1 #? !one_draw


def normal(shape, name):
    #? one_draw
    """Numbers of variance 1: another scheme does other things to the same draw."""
    chance = generator_for(SEED, "init", name)
    u = torch.rand(shape, dtype=torch.float64, generator=chance).clamp_(min=2.0**-54)
    return torch.special.ndtri(u)
    #.
    return torch.special.ndtri(uniforms(shape, name)) #? !one_draw


def truncated(shape, name):
    most = NormalDist().cdf(2)  # a normal draw, cut off at two std
    return torch.special.ndtri((1 - most) + uniforms(shape, name) * (2 * most - 1))


def matrices(model):
    """(name, weights (fan_out, fan_in), biases) of every matrix: q, k and v apart."""
    for path, module in model.named_modules():
        if path.endswith("qkv"):
            names = [path.removesuffix("qkv") + part for part in "qkv"]
            biases = module.bias.chunk(3) #? qkv_bias
            biases = (None, None, None) #? !qkv_bias
            yield from zip(names, module.weight.chunk(3), biases, strict=True)
        elif isinstance(module, nn.Linear):
            yield path, module.weight, module.bias
        #? transformer
        elif isinstance(module, nn.Embedding):  # a layer that reads one-hot vectors
            yield path, module.weight.T, None
        #.


def held_back(name):
    """The last matrix of a branch in block l is divided by sqrt(2 l)."""
    is_last = name.endswith($ends)
    return (2 * (int(name.split(".")[1]) + 1)) ** -0.5 if is_last else 1.0


def scale_of(name):
    """What variances are multiplied by."""
    part = re.split("[._]", name)[-1]
    [scale] = [SCALE[parts] for parts in SCALE if part in parts.split()]
    return VARIANCE_SCALE * scale


#? scheme-t-fixup
def smaller(name):
    """A factor on sigma by place (Huang et al. 2020, Sec. 3)."""
    if name.endswith("embed"):
        return (9 * DEPTH) ** -0.25
    if name.endswith((".q", ".k", "head")):
        return 1.0
    return 0.67 * DEPTH**-0.25 #? !transformer
    return (9 * DEPTH) ** -0.25 if "decoder" in name else 0.67 * DEPTH**-0.25 #? transformer


#.
#? scheme-deepnorm
def smaller(name):
    """A factor on sigma by place (Wang et al. 2022, Fig. 2)."""
    if name.endswith((".q", ".k", "embed", "head")):
        return 1.0
    return (8 * DEPTH) ** -0.25 #? !transformer
    return (12 * DEPTH) ** -0.25 if "dec" in name else 0.87 * DEPTH ** (-5 / 16) #? transformer


#.
#? scheme-gpt2
def smaller(name):
    """The ends of branches divided by sqrt(2 L) (Radford et al. 2019, Sec. 2.3)."""
    is_last = name.endswith($ends)
    return (2 * DEPTH) ** -0.5 if is_last else 1.0


#.
#? scheme-lsuv divided
def place_of(name):
    """Where data meets a matrix: attention over time comes first in its block."""
    block = int(name.split(".")[1]) if "." in name else -1 if name == "embed" else DEPTH
    return block, ".attention." in name or ".mlp." in name


#.
'''

START = """
#? scheme-lsuv
probed = x_val[:PROBED]  # what the init looks at #? validated|!images
#? images !validated
chance = generator_for(0, "batches", 0)
probed = x_train[torch.randperm(len(y_train), generator=chance)[:PROBED]]
#.
#.
model = $model()
torch.set_grad_enabled(False)
#? learned
for name in $learned:
    parameter = model.get_parameter(name)
    parameter.copy_(0.02 * truncated(parameter.shape, name))
#.
starts = {} #? structured
for name, weight, bias in matrices(model):
    #? scheme-orthogonal|scheme-lsuv
    z, is_wide = normal(weight.shape, name), weight.shape[0] < weight.shape[1]
    q, r = torch.linalg.qr(z.T if is_wide else z)  # Saxe et al. 2014, Sec. 3
    q = q * r.diagonal().sign()
    start = q.T if is_wide else q #? !scaled
    start = $root(q.T if is_wide else q) #? scaled
    #.
    #? !scheme-orthogonal !scheme-lsuv
    fan_out, fan_in = weight.shape #? fan_out
    fan_in = weight.shape[1] #? fan_in
    sigma = $sigma
    start = $weights
    #.
    #? structured
    if name.endswith(".q")$not_over_time:
        starts |= attention_of(model, name.removesuffix(".q"))
    start = $structured
    #.
    weight.copy_($held)
    if bias is not None: #? !all_biased
        $bias #? !all_biased
    $bias #? all_biased
    #? zero|zero_temporal
    if name.endswith($zeros):  # adds nothing
        weight.zero_()
        bias.zero_() #? biases all_biased
        #? biases !all_biased
        if bias is not None:
            bias.zero_()
        #.
    #.
model.position.mul_(18.0) #? scheme-impulse
model.time_position.mul_(18.0) #? scheme-impulse joint
#? scheme-lsuv
found = []  # what a matrix puts out in an ordinary forward pass
#? divided
in_order = sorted(matrices(model), key=lambda matrix: place_of(matrix[0]))
for name, weight, _ in in_order:
#.
for name, weight, _ in matrices(model): #? !divided
    #? zero|zero_temporal
    if name.endswith($zeros):
        continue
    #.
    owner, _, part = name.rpartition(".")
    module = model.get_submodule(owner if part in ("q", "k", "v") else name)
    hook = module.register_forward_hook(lambda _, __, output: found.append(output))
    for _ in range(5):  # until its std is 1
        model(probed)
        output = module.seen[part] if part in ("q", "k", "v") else found[-1]
        std = float(output.double().std())
        std /= $wanted #? scaled|depth-scaled
        if abs(std - 1) < 0.01 or not 0 < std < math.inf:
            break
        weight.div_(std)
    hook.remove()
#.
#? norm_matched
for name, weight, _ in matrices(model):  # a control: of each matrix its norm alone
    z = normal(weight.shape, f"{name} control")
    weight.copy_(z / z.norm() * weight.double().norm())
#.
torch.set_grad_enabled(True)
"""


def values_of(facts: Collection[str]) -> dict[str, str]:
    """What stands for the names with a `$` in these texts."""
    formula, distribution = _formula_of(facts)
    scale = "scale_of(name)" if "scales" in facts else "VARIANCE_SCALE" if "one_scale" in facts else ""
    held, root = "held_back(name) * " if "depth-scaled" in facts else "", f"math.sqrt({scale}) * " if scale else ""
    smaller = " * smaller(name)" if any(f"scheme-{name}" in facts for name in SMALLER) else ""
    drawn = f'sigma * {distribution}(bias.shape, f"{{name}}.bias")'
    return {
        "ends": f"({', '.join(_ends(facts))})",
        "zeros": f"({', '.join(_ends(facts))})" if "zero" in facts else '".project"',
        "learned": _learned(facts),
        "sigma": f"math.sqrt({formula}{f' * {scale}' if scale else ''}){smaller}",
        "root": root,
        "weights": f"sigma * {distribution}(weight.shape, name)",
        "structured": f"{root}starts[name] if name in starts else start" if root else "starts.get(name, start)",
        "held": f"{held}start",
        "bias": f"bias.copy_({f'{held}({drawn})' if held else drawn})" if "biases" in facts else "bias.zero_()",
        "not_over_time": ' and ".time." not in name' if {"scheme-impulse", "divided"} <= set(facts) else "",
        "wanted": f"{held}{root}".removesuffix(" * "),
    }


def more_facts(facts: Collection[str]) -> set[str]:
    """Which fans the formula of the run's scheme reads, both or the fan-in, and whether all draws are of one kind."""
    formula, distribution = _formula_of(facts)
    found = {"fan_out"} if "fan_out" in formula else {"fan_in"} if "fan_in" in formula else set()
    drawn = set() if {"scheme-orthogonal", "scheme-lsuv"} & set(facts) else {distribution}
    drawn |= {"truncated"} if "learned" in facts else set()
    drawn |= {"normal"} if {"structured", "norm_matched", "scheme-orthogonal", "scheme-lsuv"} & set(facts) else set()
    return found | ({"one_draw"} if len(drawn) == 1 and drawn != {"truncated"} else set())


def _formula_of(facts: Collection[str]) -> tuple[str, str]:
    """That of an elementwise scheme, or for what a structured one leaves over, and the distribution."""
    return FORMULAS[next((name for name in FORMULAS if f"scheme-{name}" in facts), "linear-default")]


def _learned(facts: Collection[str]) -> str:
    """The names of what is learned beside matrices, biases and norms, as Python."""
    is_placed = "position-learned" in facts
    is_there = {
        "class_token": "cls" in facts,
        "position": is_placed,
        "time_position": is_placed and "timesformer" in facts and "space" not in facts,
    }
    told = [f'"{name}"' for name in is_there if is_there[name]]
    return f"({', '.join(told)}{',' if len(told) == 1 else ''})"


def _ends(facts: Collection[str]) -> list[str]:
    """How the names of those matrices end that are the last of a residual branch."""
    more = ['".cross.out"'] if "transformer" in facts else ['".project"'] if "divided" in facts else []
    return ['".attention.out"', '".down"', *more]
