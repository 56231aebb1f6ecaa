"""The part of a script that is attention: of narrow heads, to few tokens by the formula, or by torch's kernel."""

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
#? fused formula
if $fused_if:
    mixed = F.scaled_dot_product_attention(q, k, v$mask)
else:
    $formula
#.
#? !fused
$formula
#.
mixed = F.scaled_dot_product_attention(q, k, v$mask)  # Eq. 1 #? !formula
"""

FORMULA = """
logits = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
#? transformer
if mask is not None:
    logits = logits.masked_fill(~mask, -torch.inf)
#.
weights = torch.softmax(logits, dim=-1)  # Eq. 1
mixed = weights @ v #? !attention_dropout
mixed = dropout(weights, ATTENTION_DROPOUT, generator) @ v #? attention_dropout
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
