"""The part of a script that makes the starts of an attention: its targets, and q, k, v and out factored from them."""

STRUCTURED = '''
#? structured
def factored(target, rank):
    """Two (D, rank), whose product is as near to target as can be (Eckart & Young)."""
    u, s, vt = torch.linalg.svd(target)
    root = s[:rank].sqrt()
    return u[:, :rank] * root, vt[:rank].T * root


#.
#? scheme-impulse
def neighbours(down, right):
    """Tokens that have a neighbour there in the grid of patches, and that neighbour."""
    side = SIZE // PATCH
    grid = torch.arange(side * side).reshape(side, side) #? !cls
    grid = 1 + torch.arange(side * side).reshape(side, side)  # 0 is the class token #? cls

    def part(down, right):
        rows = slice(max(down, 0), side + min(down, 0))
        return grid[rows, max(right, 0) : side + min(right, 0)].flatten()

    return part(-down, -right), part(down, right)


#.
#? structured
def attention_of(model, name):
    """The starts of q, k, v and out of an attention, by their names."""
    #? scheme-impulse
    offsets = [(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)]  # of a 3 x 3 window
    offsets += [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    positions = 18.0 * model.position.double() #? !joint
    #? joint
    positions = 18.0 * model.position.double() + 18.0 * model.time_position.double()
    #.
    positions = F.layer_norm(positions, (DIM,)).flatten(0, -2)  # (N, D)
    u, s, vt = torch.linalg.svd(positions, full_matrices=False)
    smallest = max(positions.shape) * torch.finfo(s.dtype).eps * s[0]
    rank = min(DIM // HEADS, int((s > smallest).sum()))
    inverse = vt[:rank].T / s[:rank] @ u[:, :rank].T  # of what a head can hold
    #.
    queries, keys, same = [], [], torch.eye(DIM, dtype=torch.float64)
    for head in range(HEADS):
        #? scheme-mimetic
        z = normal((DIM, DIM), f"{name}.q head {head}")
        w_q, w_k = factored(0.7 / math.sqrt(DIM) * z + 0.7 * same, DIM // HEADS)
        #.
        #? scheme-impulse
        target = normal((inverse.shape[1],) * 2, f"{name}.q target {head}")
        queried, read = neighbours(*offsets[head % 9])
        target[queried, read] = 1000.0 #? !joint
        #? joint
        for frame in range(FRAMES):
            target[PATCHES * frame + queried, PATCHES * frame + read] = 1000.0
        #.
        w_q, w_k = factored(inverse @ target @ inverse.T, DIM // HEADS)
        w_q, w_k = 7.0 * w_q / w_q.norm(), 7.0 * w_k / w_k.norm()
        #.
        queries, keys = [*queries, w_q.T], [*keys, w_k.T]
    z = normal((DIM, DIM), f"{name}.v")
    w_v, w_o = factored(0.4 / math.sqrt(DIM) * z - 0.4 * same, DIM)
    starts = {"q": torch.cat(queries), "k": torch.cat(keys), "v": w_v.T, "out": w_o}
    return {f"{name}.{part}": start for part, start in starts.items()}


#.
'''
