"""The part of a script that changes the weights, as `vit_lab.training` does."""

OPTIMISER = '''
#? by-muon
def orthogonalised(matrices):
    """U S' V^T of each U S V^T, S' near 1: Newton-Schulz (Jordan et al. 2024)."""
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-7)[:, None, None]
    for _ in range(5):
        gram = x @ x.mT
        gram = torch.baddbmm(gram, gram, gram, beta=-4.7750, alpha=2.0315)
        x = torch.baddbmm(x, gram, x, beta=3.4445)
    return x.mT if is_tall else x


named = dict(model.named_parameters())
in_blocks = {k: v for k, v in named.items() if v.ndim == 2 and k.count(".") > 1}
momenta = {name: torch.zeros_like(matrix) for name, matrix in in_blocks.items()}
trained = [parameter for name, parameter in named.items() if name not in in_blocks]
#.
trained = list(model.parameters()) #? !by-muon
#? !decay-all
groups = [{"params": [one for one in trained if one.ndim == 2]}]  # weights decay
groups += [{"params": [one for one in trained if one.ndim != 2], "weight_decay": 0.0}]
$optimiser(groups, RATE, $how)
#.
$optimiser(trained, RATE, $how) #? decay-all
'''

LOOP = """
losses = [] #? !every_step
for step, (x, y) in zip(range(STEPS), batches(), strict=False):
    #? flip
    chance = torch.rand(len(x), generator=generator_for(SEED, "flip", step))
    x = torch.where((chance < 0.5)[:, None, None, None], x.flip(-1), x)
    #.
    x = shifted(x, step) #? shift
    logits = model(x, generator_for(SEED, "dropout", step)) #? drops
    logits = model(x) #? !drops
    #? double_softmax
    logits = logits.softmax(dim=-1)  # and once more in the loss, as ViT-Notes has it
    #.
    #? sequences
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten()$smoothing)
    #.
    loss = F.cross_entropy(logits, y$smoothing) #? !sequences
    model.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), CLIP) #? clip
    rate = RATE * (step + 1) / WARMUP  # rises all along #? warm !falls
    #? falls
    #? schedule-cosine
    done = (step - WARMUP) / (STEPS - WARMUP) #? !by_epoch
    done = (step - WARMUP) // EPOCH * EPOCH / (STEPS - WARMUP) #? by_epoch
    rate = RATE * 0.5 * (1 + math.cos(math.pi * done))  # Loshchilov & Hutter 2017
    #.
    #? schedule-noam
    rate = RATE * math.sqrt(max(WARMUP, 1) / (step + 1))  # Vaswani et al. 2017, Eq. 3
    #.
    rate = RATE #? schedule-constant
    #? warm
    if step < WARMUP:
        rate = RATE * (step + 1) / WARMUP
    #.
    #.
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()
    #? by-muon
    by_shape = {}
    for name, matrix in in_blocks.items():  # of q, k and v, each for itself
        momentum = momenta[name].lerp_(matrix.grad, 1 - MOMENTUM)
        ahead = matrix.grad.lerp(momentum, MOMENTUM)
        matrix.data.mul_(1 - rate * DECAY)
        parts = 3 if name.endswith("qkv.weight") else 1
        pairs = zip(matrix.data.chunk(parts), ahead.chunk(parts), strict=True)
        for own, update in pairs:
            by_shape.setdefault(own.shape, []).append((own, update))
    for shape, pairs in by_shape.items():
        size = rate * 0.2 * math.sqrt(max(shape))  # Liu et al. 2025, Eq. 4
        updates = size * orthogonalised(torch.stack([update for _, update in pairs]))
        for (own, _), update in zip(pairs, updates, strict=True):
            own.sub_(update)
    #.
    print(step + 1, loss.item(), flush=True) #? every_step
    #? !every_step
    losses.append(loss.detach())
    if (step + 1) % EVERY == 0 or step + 1 == STEPS:
        print(step + 1, float(torch.stack(losses).mean()), flush=True)
        losses = []
    #.
"""

TEST = """
loss, correct = torch.zeros(()), 0
with torch.inference_mode():
    for x, y in zip(x_test.split(250), y_test.split(250), strict=True):
        logits = model(x)
        #? sequences
        loss += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum")
        #.
        loss += F.cross_entropy(logits, y, reduction="sum") #? !sequences
        correct += int((logits.argmax(dim=-1) == y).sum())
print("test", float(loss) / y_test.numel(), correct / y_test.numel())
"""

MADE = {
    "adamw": ("optimiser = torch.optim.AdamW", "BETAS, weight_decay=DECAY, fused=True"),
    "muon": ("optimiser = torch.optim.AdamW", "BETAS, weight_decay=DECAY, fused=True"),
    "sgd": ("optimiser = torch.optim.SGD", "MOMENTUM, weight_decay=DECAY"),
}
