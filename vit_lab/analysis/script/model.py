"""The part of a script that is the model, as `vit_lab.models` has it: the same operations in the same order."""

from collections.abc import Collection

BLOCKS = '''
class Block(nn.Module):
    #? !transformer
    """Attention mixes tokens, the MLP features (Dosovitskiy et al. 2021, Eq. 2, 3)."""

    def __init__(self):
    #.
    #? transformer
    """A block of the encoder, or of the decoder, which reads the source (Fig. 1)."""

    def __init__(self, *, decodes):
    #.
        super().__init__()
        #? !norm-none
        self.norm_attention, self.attention = nn.LayerNorm(DIM), Attention()
        #? transformer
        if decodes:
            self.norm_cross, self.cross = nn.LayerNorm(DIM), Attention()
        #.
        self.norm_mlp = nn.LayerNorm(DIM)
        #.
        #? norm-none
        self.attention = Attention()
        #? transformer
        if decodes:
            self.cross = Attention()
        #.
        #.
        up, down = nn.Linear(DIM, HIDDEN), nn.Linear(HIDDEN, DIM)
        self.mlp = nn.ModuleDict({"up": up, "down": down})
        #? divided
        self.norm_time = nn.LayerNorm(DIM) #? !norm-none
        self.time, self.project = Attention(), nn.Linear(DIM, DIM)
        #.

    #? !transformer
    def forward(self, x$generator):  # $shape
        $over_time
        $attention
        $mlp
    #.
    #? transformer
    def forward(self, x$generator, memory=None, mask=None):  # (B, L, D)
        $masked
        if memory is not None:
            $cross
        $mlp
    #.
'''

WHOLE = '''
#? position-sinusoidal|transformer
def sinusoidal(tokens):
    """Sines and cosines, slower by column: (N, D) (Vaswani et al. 2017, Sec. 3.5)."""
    column = torch.arange(DIM)
    angle = torch.arange(tokens)[:, None] / 10_000 ** ((column - column % 2) / DIM)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


#.
#? vit
class VisionTransformer(nn.Module):
    """Patches become tokens, blocks mix them, one is classified (Fig. 1)."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(PATCH * PATCH * CHANNELS, DIM)
        self.class_token = nn.Parameter(torch.empty(1, 1, DIM)) #? cls
        self.position = nn.Parameter(torch.empty(1, TOKENS, DIM)) #? position-learned
        self.position = sinusoidal(TOKENS) #? position-sinusoidal
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(DIM) #? final_norm
        self.head = nn.Linear(DIM, CLASSES)

    def forward(self, images$generator):  # (B, C, S, S) -> (B, Y)
        x = images.unflatten(-1, (-1, PATCH)).unflatten(2, (-1, PATCH))
        x = self.embed(x.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2))
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1) #? cls
        x = x + self.position #? !position-none
        x = dropout(x, DROPOUT, generator) #? dropout
        for block in self.blocks:
            x = block(x$given)
        x = self.norm(x) #? final_norm
        return self.head(x[:, 0]) #? cls
        return self.head(x.mean(dim=1)) #? !cls
#.
#? timesformer
class TimeSformer(nn.Module):
    """Patches of all frames are tokens, their mean is classified (Bertasius 2021)."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(PATCH * PATCH * CHANNELS, DIM)
        #? position-learned
        self.position = nn.Parameter(torch.empty(1, 1, PATCHES, DIM))
        self.time_position = nn.Parameter(torch.empty(1, FRAMES, 1, DIM)) #? !space
        #.
        #? position-sinusoidal
        self.position = sinusoidal(PATCHES)
        self.time_position = sinusoidal(FRAMES)[:, None] #? !space
        #.
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(DIM) #? final_norm
        self.head = nn.Linear(DIM, CLASSES)

    def forward(self, clips$generator):  # (B, T, C, S, S) -> (B, Y)
        x = clips.flatten(0, 1).unflatten(-1, (-1, PATCH)).unflatten(2, (-1, PATCH))
        x = self.embed(x.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2))
        x = x.unflatten(0, clips.shape[:2])  # (B, T, N, D)
        x = x + self.position #? !position-none space
        x = x + self.position + self.time_position #? !position-none !space
        x = x.flatten(1, 2)  # (B, T N, D): a patch reads all frames #? joint
        x = x.flatten(0, 1)  # (B T, N, D) #? !joint
        x = dropout(x, DROPOUT, generator) #? dropout
        for block in self.blocks:
            x = block(x$given)
        x = self.norm(x) #? final_norm
        return self.head(x.reshape(-1, FRAMES * PATCHES, DIM).mean(dim=1))
#.
#? transformer
class Transformer(nn.Module):
    """Source and what is written so far in, logits of what comes next out (Fig. 1)."""

    def __init__(self):
        super().__init__()
        self.source_embed = nn.Embedding(VOCABULARY, DIM)
        self.target_embed = nn.Embedding(VOCABULARY, DIM)
        self.position = sinusoidal(LENGTH)
        self.encoder = nn.ModuleList(Block(decodes=False) for _ in range(DEPTH))
        self.decoder = nn.ModuleList(Block(decodes=True) for _ in range(DEPTH))
        #? final_norm
        self.norm_encoder, self.norm_decoder = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        #.
        self.head = nn.Linear(DIM, VOCABULARY)

    def forward(self, inputs$generator):  # (B, 2, L) -> (B, L, V)
        source, written = inputs.unbind(dim=1)
        memory = self.source_embed(source) * math.sqrt(DIM) + self.position
        memory = dropout(memory, DROPOUT, generator) #? dropout
        for block in self.encoder:
            memory = block(memory$given)
        memory = self.norm_encoder(memory) #? final_norm
        x = self.target_embed(written) * math.sqrt(DIM) + self.position
        x = dropout(x, DROPOUT, generator) #? dropout
        mask = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()  # no look ahead
        for block in self.decoder:
            x = block(x$given, memory=memory, mask=mask)
        x = self.norm_decoder(x) #? final_norm
        return self.head(x)
#.
'''


def branch(facts: Collection[str], norm: str, call: str, then: str = "x =") -> str:
    """The lines that add a branch to the tokens: `call` with {x} for what it reads."""
    kept = "RESIDUAL * x" if "factor" in facts else "x"
    read = f"self.{norm}(x)" if "norm-pre" in facts else "x"
    lines, told = [], call.format(x=read)
    if "dropout" in facts:
        lines.append(f"branch = {told}")
        told = "dropout(branch, DROPOUT, generator)"
    added = f"{kept} + {told}"
    lines.append(f"{then} self.{norm}({added})" if "norm-post" in facts else f"{then} {added}")
    return "\n".join(lines)


def over_time(facts: Collection[str]) -> str:
    """The lines by which each patch reads its own place in all frames, before it reads its frame."""
    kept = "RESIDUAL * x" if "factor" in facts else "x"
    arranged = "self.norm_time(lines)" if "norm-pre" in facts else "lines"
    generator = ", generator" if "attention_dropout" in facts else ""
    lines = [
        "lines = x.unflatten(0, (-1, FRAMES)).transpose(1, 2).flatten(0, 1)",
        f"read = self.project(self.time({arranged}{generator}))",
        "read = read.unflatten(0, (-1, PATCHES)).transpose(1, 2).flatten(0, 1)",
    ]
    lines += ["read = dropout(read, DROPOUT, generator)"] if "dropout" in facts else []
    lines.append(f"x = self.norm_time({kept} + read)" if "norm-post" in facts else f"x = {kept} + read")
    return "\n".join(lines)
