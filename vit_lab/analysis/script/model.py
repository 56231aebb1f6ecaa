"""The part of a script that is the model, as `vit_lab.models` has it: the same operations in the same order."""

from collections.abc import Collection

ATTENTION = '''
#? drops
def dropout(x, share, generator):
    """A share of x set to 0, the rest scaled up; evaluation has no generator."""
    if generator is None:
        return x
    kept = torch.empty(x.shape).bernoulli_(1 - share, generator=generator)
    return x * kept.div_(1 - share)


#.
#? narrow
class Attend(torch.autograd.Function):
    """softmax(q k^T / sqrt(K)) v for narrow heads, whose features are rows here."""

    @staticmethod
    def forward(ctx, qkv): #? !attention_dropout
    def forward(ctx, qkv, factors):  # what dropout multiplies by #? attention_dropout
        q, k, v = Attend.apart(qkv, 3)  # (B H, K, N)
        scale, none = math.log2(math.e) * q.shape[1] ** -0.5, q.new_empty(())
        scores = torch.baddbmm(none, k.mT, q, beta=0, alpha=scale)  # powers of two
        e = scores.exp2()
        if not 1e-15 < e.sum(1).min() <= e.sum(1).max() < 1e15:
            e = (scores - scores.amax(1, keepdim=True)).exp2()
        sums = e.sum(1, keepdim=True)
        read = e if factors is None else e * factors.flatten(0, 1).mT #? attention_dropout
        mixed = torch.bmm(v, read) / sums #? attention_dropout
        ctx.save_for_backward(q, k, v, sums, mixed, e, read) #? attention_dropout
        mixed = torch.bmm(v, e) / sums #? !attention_dropout
        ctx.save_for_backward(q, k, v, sums, mixed, e) #? !attention_dropout
        return Attend.together(mixed[None])

    @staticmethod
    def backward(ctx, grad):  # dS = E (dO V^T - dO . O), both over the sum of E
        q, k, v, sums, mixed, e, read = ctx.saved_tensors #? attention_dropout
        q, k, v, sums, mixed, e = ctx.saved_tensors #? !attention_dropout
        do = Attend.apart(grad, 1)[0] / sums
        own = (do * mixed).sum(1, keepdim=True)
        ds = torch.bmm(v.mT, do).mul_($read).addcmul_(e, own, value=-1)
        scale, none = q.shape[1] ** -0.5, q.new_empty(())
        dq = torch.baddbmm(none, k, ds, beta=0, alpha=scale)
        dk = torch.baddbmm(none, q, ds.mT, beta=0, alpha=scale)
        #? !attention_dropout
        return Attend.together(torch.stack([dq, dk, torch.bmm(do, e.mT)]))
        #.
        #? attention_dropout
        return Attend.together(torch.stack([dq, dk, torch.bmm(do, read.mT)])), None
        #.

    @staticmethod
    def apart(x, count):  # (B, N, count D) -> (count, B H, K, N)
        x = x.unflatten(-1, (count, HEADS, -1)).permute(2, 0, 3, 4, 1)
        return x.clone(memory_format=torch.contiguous_format).flatten(1, 2)

    @staticmethod
    def together(x):
        x = x.unflatten(1, (-1, HEADS)).permute(0, 2, 3, 1, 4)
        return x.flatten(0, 2).permute(1, 2, 0)


#.
class Attention(nn.Module):
    """Every token reads all others, once per head (Vaswani et al. 2017, Sec. 3.2)."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(DIM, 3 * DIM$no_qkv_bias)  # three matrices, one product
        self.out = nn.Linear(DIM, DIM$no_out_bias)

    def forward(self, x$attention_generator$memory):  # (B, N, D)
        #? narrow transformer
        if memory is None and mask is None:
            $narrow
        #.
        #? narrow !transformer
        $narrow
        #.
        #? transformer
        if memory is None:
            q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).unbind(2)
        else:  # what is read is not what reads (Sec. 3.2.3)
            weight, bias = self.qkv.weight, self.qkv.bias
            q = F.linear(x, weight[:DIM], bias[:DIM]).unflatten(-1, (HEADS, -1))
            kv = F.linear(memory, weight[DIM:], bias[DIM:])
            k, v = kv.unflatten(-1, (2, HEADS, -1)).unbind(2)
        #.
        #? !transformer !narrow
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).unbind(2)  # (B, N, H, K)
        #.
        #? !narrow|transformer
        self.seen = {"q": q, "k": k, "v": v} #? scheme-lsuv
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))  # (B, H, N, K)
        $wide
        return self.out(mixed.transpose(1, 2).flatten(2))
        #.
'''

WIDE = """
#? attention_dropout
if generator is None:
    mixed = F.scaled_dot_product_attention(q, k, v$mask)
else:
    logits = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    #? transformer
    if mask is not None:
        logits = logits.masked_fill(~mask, -torch.inf)
    #.
    weights = torch.softmax(logits, dim=-1)  # Eq. 1
    mixed = dropout(weights, ATTENTION_DROPOUT, generator) @ v
#.
mixed = F.scaled_dot_product_attention(q, k, v$mask)  # Eq. 1 #? !attention_dropout
"""

NARROW = """
#? scheme-lsuv
qkv = self.qkv(x)
self.seen = dict(zip("qkv", qkv.chunk(3, dim=-1), strict=True))
return self.out(Attend.apply(qkv)) #? !attention_dropout
#.
return self.out(Attend.apply(self.qkv(x))) #? !attention_dropout !scheme-lsuv
#? attention_dropout
factors = None
if generator is not None:
    factors = torch.ones(len(x), HEADS, x.shape[1], x.shape[1])
    factors = dropout(factors, ATTENTION_DROPOUT, generator)
return self.out(Attend.apply(self.qkv(x), factors)) #? !scheme-lsuv
return self.out(Attend.apply(qkv, factors)) #? scheme-lsuv
#.
"""

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
