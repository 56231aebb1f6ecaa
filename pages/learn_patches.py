"""Learn: Patches."""

import streamlit as st

from vit_lab.data.bundled import SIDE
from vit_lab.model_config import VitConfig
from vit_lab.settings import configure
from vit_lab.ui.figures.picture import apart, show_picture
from vit_lab.ui.learn.digit import choose_digit
from vit_lab.ui.learn.lesson import end_of_lesson, lesson, look_for
from vit_lab.ui.learn.models import latest_vit, run_words
from vit_lab.ui.learn.patches import figures
from vit_lab.ui.learn.patches.figures import PATCH_SIZES, counted
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
    patch_size = st.segmented_control(
        "Patch size", PATCH_SIZES, default=7, required=True, key="patch", format_func=lambda size: f"{size} px"
    )
    chosen = choose_digit("patches")
side = SIDE // patch_size
with picture:
    show_picture(apart(chosen.image, patch_size), width=300, alt=f"{chosen.words} in patches of {patch_size} pixels")
    look_for(f"""
        {SIDE} / {patch_size} = {side}, so {chosen.words} comes apart into {side} × {side} =
        **{counted(side**2, "patch")}**.
    """)

run = latest_vit(lambda model: model.patch_size == patch_size and model.position != "none")
config = run.config if run else configure(patch_size=patch_size)
model = config.model
assert isinstance(model, VitConfig)
found = figures.stages(chosen.pixels, config, run.id if run else None)
image, rows, tokens = found.shapes

st.subheader("Each patch becomes a row of pixels", anchor=False)
say(f"""
    `(B, C, H, W)` = `{image}` becomes `(B, N, P·P·C)` = `{rows}`: **{counted(rows[1], "patch")} of
    {counted(rows[2], "number")}**.
""")
figures.pixel_rows(found)
where = "The one row is the whole image" if side == 1 else "Row 1 is the patch at the top left"
dark = "" if side == 1 else "Dark rows are empty patches."
look_for(f"{where}, read like a line of text. {dark} {figures.part_shown(found.rows, SIDE**2)}")

st.subheader("Each row becomes a token", anchor=False)
say(f"""
    One linear layer, shared by all patches, maps `(B, N, P·P·C)` = `{rows}` to `(B, N, D)` =
    `{(*rows[:2], model.dim)}`; then {"a class token comes first and " if model.pool == "cls" else ""}the positions are
    added. The numbers are those of {run_words(run) if run else "the classroom model at its init"}.
""")
st.latex(EQUATION)
figures.tokens_before_and_after(found)
alike = (
    "The only patch is the whole image, so its place tells nothing."
    if side == 1
    else "Empty patches are all alike before positions, and can be told apart after."
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
st.table(figures.costs())
look_for(f"Each row is an image in the same {SIDE**2} pixels; what changes is in how many pieces attention sees it.")
end_of_lesson("learn_patches", f"Train with patches of {patch_size} pixels", configure(patch_size=patch_size))
