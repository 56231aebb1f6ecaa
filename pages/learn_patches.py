"""Learn: Patches."""

import streamlit as st

from vit_lab.model_config import VitConfig
from vit_lab.refusals import divisors
from vit_lab.settings import configure
from vit_lab.spelling import counted
from vit_lab.ui.figures.picture import apart, show_picture
from vit_lab.ui.learn.image import choose_image
from vit_lab.ui.learn.lesson import end_of_lesson, lesson, look_for
from vit_lab.ui.learn.models import latest_vit, run_words
from vit_lab.ui.learn.patches import figures
from vit_lab.ui.prose import inform, prose, say
from vit_lab.ui.train.widgets import train_link

EQUATION = prose(r"""
    \mathbf{z}_0 = [\,\mathbf{x}_p^1\mathbf{E};\;\mathbf{x}_p^2\mathbf{E};\;\dots;\;\mathbf{x}_p^N\mathbf{E}\,] +
    \mathbf{E}_{pos}
""")
PRINCIPAL = "The directions in which the filters differ most, as the paper's Fig. 7 (left) shows them."

lesson("learn_patches")
say("""
    A Transformer reads a sequence of vectors, not a picture. So a Vision Transformer cuts the image into square patches
    and turns each into one vector, a **token** (Dosovitskiy et al. 2021, Sec. 3.1).
""")

controls, picture = st.columns([0.4, 0.6], gap="large")
with controls:
    above = st.container()
    chosen = choose_image("patches")
    patch_size = above.segmented_control(
        "Patch size",
        divisors(chosen.size),
        default=configure(dataset=chosen.dataset).model.patch_size,
        required=True,
        key=f"patch-{chosen.size}",
        format_func=lambda size: f"{size} px",
    )
base = configure(dataset=chosen.dataset, patch_size=patch_size)
side, in_colour = chosen.size // patch_size, chosen.channels > 1
with picture:
    show_picture(apart(chosen.image, patch_size), width=300, alt=f"{chosen.words} in patches of {patch_size} pixels")
    look_for(f"""
        {chosen.size} / {patch_size} = {side}, so {chosen.words} comes apart into {side} × {side} =
        **{counted(side**2, "patch")}**.
    """)

run = latest_vit(lambda model: model.patch_size == patch_size and model.position != "none", chosen.dataset)
config = run.config if run else base
model = config.model
assert isinstance(model, VitConfig)
found = figures.stages(chosen.pixels, config, run.id if run else None)
image, rows, tokens = found.shapes

st.subheader("Each patch becomes a row of pixels", anchor=False)
say(f"""
    `(B, C, H, W)` = `{image}` becomes `(B, N, P·P·C)` = `{rows}`: **{counted(rows[1], "patch")} of
    {counted(rows[2], "number")}**.
""")
figures.pixel_rows(found, chosen.channels)
where = "The one row is the whole image" if side == 1 else "Row 1 is the patch at the top left"
what = "Each pixel is three numbers, red, green and blue." if in_colour else "Dark rows are empty patches."
what = "" if side == 1 and not in_colour else what
look_for(f"{where}, read like a line of text. {what} {figures.part_shown(found.rows, rows[2])}")

st.subheader("Each row becomes a token", anchor=False)
say(f"""
    One linear layer, shared by all patches, maps `(B, N, P·P·C)` = `{rows}` to `(B, N, D)` =
    `{(*rows[:2], model.dim)}`; then {"a class token comes first and " if model.pool == "cls" else ""}the positions are
    added. The numbers are those of {run_words(run) if run else "the classroom model at its init"}.
""")
st.latex(EQUATION)
figures.tokens_before_and_after(found)
alike = "Patches of one colour are" if in_colour else "Empty patches are all"
alike = (
    "The only patch is the whole image, so its place tells nothing."
    if side == 1
    else f"{alike} alike before positions, and can be told apart after."
)
look_for(f"""
    {alike} {figures.part_shown(found.embedded, figures.MOST_COLUMNS)} (Dosovitskiy et al. 2021, Sec. 3.1, Eq. 1, there
    with a class token in front.)
""")

st.subheader("What the embedding looks for", anchor=False)
principal = st.toggle("Principal components", key="principal", disabled=patch_size == 1, help=PRINCIPAL)
principal = principal and patch_size > 1
left, right = st.columns(2)
with left:
    st.markdown("**At its init**")
    figures.filters(config, None, principal)
with right:
    if run:
        st.markdown("**After training**")
        figures.filters(config, run.id, principal)
    else:
        inform(f"""
            No run with patch size {patch_size} and positions has finished here yet. Train one, and its filters stand
            here.
        """)
        label, link = f"Train with patch size {patch_size}", train_link([config])
        st.page_link("pages/train.py", label=label, icon=":material/play_circle:", query_params=link)
if principal:
    tile = (
        "A tile is a direction in which the filters differ, the widest first: grey is 0, white and black are opposites."
    )
else:
    tile = "A tile is one dimension of a token: grey is 0, white counts a pixel for it, black against."
if in_colour:
    tile += " A colour does so in its own channels alone."
which = "These are of the classroom model."
if run:
    which = f"""
        Both are of {run_words(run)}; training has moved the filters by {figures.moved(config, run.id):.0%} of their
        size. After a few hundred steps most of what is seen is still the noise of the init. Each picture has its own
        scale, on which its largest weight is black or white.
    """
look_for(f"""
    {tile} {which} The smooth filters of Dosovitskiy et al. 2021, Fig. 7 left, are principal components in a far larger
    model, trained on millions of images.
""")

st.subheader("What small patches cost", anchor=False)
say(f"""
    N grows as 1/P² and attention as N²: patches of {patch_size} × {patch_size} make **{counted(side**2, "token")}** and
    **{counted(side**4, "score")}** in each head of each block. A patch of half the side means 4 times the tokens and 16
    times the scores.
""")
st.table(figures.costs(chosen.dataset))
look_for(
    f"Each row is an image in the same {chosen.size**2} pixels; what changes is in how many pieces attention sees it."
)
end_of_lesson("learn_patches", f"Train with patches of {patch_size} pixels", base)
