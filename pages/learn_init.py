"""Learn: Weight initialisation."""

import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.config import InitConfig
from vit_lab.init.schemes import ELEMENTWISE, SCHEMES
from vit_lab.runs.designs import FEWEST_FOR_EVIDENCE
from vit_lab.settings import configure
from vit_lab.ui.arms import coloured_labels
from vit_lab.ui.learn.init.figures import findings, map_of_starts, one_layer, softmax, through_depth
from vit_lab.ui.learn.init.guess import has_guessed, predict_then_run
from vit_lab.ui.learn.init.measured import what_was_measured
from vit_lab.ui.learn.lesson import end_of_lesson, lesson, look_for
from vit_lab.ui.prose import prose, say
from vit_lab.ui.serving.lab import warm_up
from vit_lab.ui.train.widgets import SCALES
from vit_lab.ui.words import scheme_words

FANS = [8, 16, 32, 64, 128, 256, 512]
STEPS = 200
SMALL, LARGE = (configure(scheme=scheme, train_size=1_000, steps=STEPS) for scheme in ("linear-default", "xavier"))

lesson("learn_init")
say(r"""
    Before the first step, all weights are random numbers. How *widely* they are spread, their variance $\sigma^2$,
    decides how large the signal is on its way through the network, and where attention looks at first.
""")

st.subheader("One layer", anchor=False)
say(r"""
    An output is a sum of $\text{fan\_in}$ products. With inputs of variance 1, and weights of variance $\sigma^2$
    around 0, it has variance $\text{fan\_in}\cdot\sigma^2$ (Glorot & Bengio 2010, Sec. 4.2.1; He et al. 2015, Sec.
    2.2). Most schemes are a rule that sets $\sigma^2$ from the shape of the matrix; those are compared here.
""")
coloured_labels({f"layer_{part}_{arm}": arm for part in ("scheme", "scale") for arm in (0, 1)})
inits = []
for arm, (column, default) in enumerate(zip(st.columns(2), ("linear-default", "xavier"), strict=True)):
    with column:
        scheme = st.selectbox(
            f"{letter(arm)} scheme", ELEMENTWISE, ELEMENTWISE.index(default), key=f"layer_scheme_{arm}"
        )
        scale = st.select_slider(f"{letter(arm)} variance ×", SCALES, "1", key=f"layer_scale_{arm}")
        inits.append(InitConfig(scheme=scheme, variance_scale=float(scale)))
one, two = st.columns(2)
fan_in = one.select_slider("fan_in: numbers that go in", FANS, 64, key="fan_in")
fan_out = two.select_slider("fan_out: numbers that come out", FANS, 64, key="fan_out")
one_layer(inits, fan_in, fan_out)
look_for("""
    The weights that are drawn: a larger variance is a wider histogram. One draw, two schemes: both arms start from
    the same random numbers, one point a weight. The largest under A is the largest under B; only the scale and the
    shape of the distribution differ. So two arms of a pair differ in nothing else. In the table, drawn and measured
    numbers lie close to the formula, the closer the larger the matrix.
""")

with st.expander("All schemes of the lab"):
    say(r"""
        $D$ is the width, $L$ the number of blocks, $Z$ a matrix of standard normal numbers. The last three build a
        matrix as a whole; of all others each weight is drawn by itself.
    """)
    for name in SCHEMES:
        st.markdown(scheme_words(name))

st.subheader("Ten layers", anchor=False)
say(r"""
    Layers multiply. After $L$ plain linear layers the variance of the signal is $(\text{fan\_in}\cdot\sigma^2)^L$: it
    vanishes or explodes unless $\text{fan\_in}\cdot\sigma^2$ is near 1. A Transformer block instead *adds* to its
    input, and a LayerNorm rescales what it reads.
""")
one, two = st.columns(2)
scheme = one.selectbox("Scheme", ELEMENTWISE, ELEMENTWISE.index("xavier"), key="depth_scheme")
factor = two.select_slider(
    "Small and large are apart from medium by a factor of", [3, 10, 30, 100], 10, key="depth_factor"
)
told = through_depth(scheme, float(factor))
look_for(f"""
    The upright axis is logarithmic. Plain layers make straight lines, up or down, close to the dashed formula. {told}
    Blocks of small weights add next to nothing; those of large weights add much, but the signal grows as a sum, not
    as a power. That is why init is less fatal here than in networks without norms and residual paths, and still
    matters.
""")

st.subheader("The softmax", anchor=False)
say(r"""
    Attention scores are products of queries and keys. If their entries are independent, with mean 0 and variance 1,
    $q\cdot k$ has variance $d_k$; so Vaswani et al. 2017 divide by $\sqrt{d_k}$ (Sec. 3.2.1, footnote 4). The
    variance of the *weights* has no such correction. Where it is large, one score beats all others and the softmax
    passes hardly any gradient; training with collapsed entropy is unstable (Zhai et al. 2023).
""")
scheme = st.selectbox("Scheme", ELEMENTWISE, ELEMENTWISE.index("xavier"), key="softmax_scheme")
told = softmax(scheme)
look_for(f"""
    {told} Dots are the heads of the classroom model on 32 digits, before training. Entropy 1: a head looks at all
    patches alike; 0: at one. The logits grow in step with the variance.
""")

st.subheader("A map of starts", anchor=False)
say("""
    Signal and softmax at once: each cell is a model of its own before training, with two of its properties laid out.
""")
look_for(map_of_starts())

st.subheader("What ViT-Notes says", anchor=False)
say("""
    The notes say that the default of `nn.Linear` has a small variance, which steadies early training on large data
    sets; and that on smaller or more difficult data a larger variance can do better, because early representations
    are more diverse.
""")
st.subheader("Predict, then run", anchor=False)
question = prose(f"""
    Two twins learn 1,000 digits for {STEPS} steps, from one draw, on the same images in the same order. **Which one has
    the higher validation accuracy at the end, and by about how many points?**
""")
found = findings()
is_guessed = has_guessed()
if predict_then_run(question, {"linear-default": SMALL, "xavier": LARGE}):
    told = ""
    if found:
        thousand = found["mnist, 1,000"].test
        state = "not decided" if found["mnist, 1,000"].winner is None else "decided"
        told = f"""
            Over {thousand.n} pairs on 1,000 images of full MNIST, 450 steps each, the mean difference was
            {thousand.mean * 100:+.1f} points for xavier, 95 % interval {thousand.low * 100:+.1f} to
            {thousand.high * 100:+.1f}: {state}. All {len(found)} settings are counted together (Holm); an interval
            without 0 does not decide by itself.
        """
    demonstration = prose(f"""
        One pair is a demonstration, not evidence: another seed may turn it round. Evidence begins at
        {FEWEST_FOR_EVIDENCE} pairs. {told}
    """)
    st.warning(demonstration, icon=":material/casino:")

st.subheader("What was measured", anchor=False)
fold = "What this lab found: open it after your guess"  # the answer comes after the question
with st.expander(fold, expanded=is_guessed, icon=":material/fact_check:", key=f"answer_{is_guessed}"):
    what_was_measured(found)
    st.page_link("pages/claim.py", label="Check the claim yourself", icon=":material/fact_check:")

end_of_lesson("learn_init", "Train this pair yourself", SMALL, LARGE)
warm_up()
