"""The part of a script that reads or draws what a run learns from, as `vit_lab.data` does."""

# The loaders of the lab whose data a script reads or draws.
LOADERS = tuple(f"vit_lab.data.{name}:load" for name in ("bundled", "idx", "cifar", "clips", "sequences"))

GENERATOR = '''
def generator_for(seed, *purpose):
    """Every draw has a generator of its own, from the seed and what it is for."""
    text = "/".join(map(str, (seed, *purpose)))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
'''

PIXELS = '''
#? idx
def read_idx(name):
    """A file of MNIST's format: its shape, then bytes (LeCun, Cortes & Burges 1998)."""
    content = np.fromfile(f"{DATA}/{name}-ubyte", np.uint8)
    start = 4 + 4 * int(content[3])
    return content[start:].reshape(content[4:start].view(">i4"))


pixels = [read_idx("train-images-idx3"), read_idx("t10k-images-idx3")]
labels = [read_idx("train-labels-idx1"), read_idx("t10k-labels-idx1")]
pixels, labels = np.concatenate(pixels), np.concatenate(labels)
#.
#? cifar
# A pickle can have any program run, so read only what CIFAR's authors gave out.
parts = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
parts = [pickle.loads(Path(f"{DATA}/{part}").read_bytes(), encoding="bytes") for part in parts]
pixels = np.concatenate([part[b"data"] for part in parts]).reshape(-1, 3, 32, 32)
labels = np.concatenate([part[b"labels"] for part in parts])
#.
#? bundled
with np.load(DATA) as arrays:  # those for the test stand last
    pixels, labels = arrays["images"], arrays["labels"]
#.
images = torch.as_tensor(pixels).float().div_(255)  # (n, C, S, S) #? cifar
images = torch.as_tensor(pixels)[:, None].float().div_(255) #? !cifar !normalise
images = torch.as_tensor(pixels)[:, None].float().div_(255).sub_(MEAN).div_(STD) #? !cifar normalise
#? normalise cifar
for channel, mean, std in zip(images.unbind(1), MEAN, STD, strict=True):
    channel.sub_(mean).div_(std)
#.
labels = torch.as_tensor(labels).long()

order = torch.randperm(PUBLISHED, generator=generator_for(SEED, "split"))
index = order[HELD_OUT:] #? !subset
index = order[HELD_OUT:][:EXAMPLES]  # the first are for validation #? subset
x_train, y_train = images[index], labels[index]
x_test, y_test = images[PUBLISHED:], labels[PUBLISHED:]
x_val = images[order[:HELD_OUT]] #? scheme-lsuv validated
'''

NOISE = '''
#? label_noise
chance = generator_for(SEED, "label-noise")
is_noisy = torch.rand(len(y_train), generator=chance) < LABEL_NOISE
noise = torch.randint(0, CLASSES, y_train.shape, generator=chance)
y_train = torch.where(is_noisy, noise, y_train)
#.
#? pixel_noise


def with_noise(images, which):
    """Gaussian noise of one std on every pixel, where white is 1; by channel."""
    chance = generator_for(SEED, "pixel-noise", which)
    noise = torch.randn(images.shape, generator=chance)
    return images + torch.tensor(PIXEL_NOISE)[:, None, None] * noise


x_train, x_test = with_noise(x_train, "train"), with_noise(x_test, "test")
x_val = with_noise(x_val, "val") #? scheme-lsuv validated
#.
'''

AUGMENTATION = '''
#? shift
def shifted(images, step):
    """Each image moved by up to SHIFT pixels each way; what comes in is black."""
    batch, chance = len(images), generator_for(SEED, "shift", step)
    black, wide = torch.tensor(BLACK)[:, None, None], SIZE + 2 * SHIFT
    padded = black.repeat(batch, 1, wide, wide)
    padded[..., SHIFT : SHIFT + SIZE, SHIFT : SHIFT + SIZE] = images
    down, right = torch.randint(0, 2 * SHIFT + 1, (2, batch, 1), generator=chance)
    rows, columns = down + torch.arange(SIZE), right + torch.arange(SIZE)  # (B, S)
    image = torch.arange(batch)[:, None, None]
    return padded[image, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


#.
'''

CLIPS = '''
def paths(count, seed, which):
    """Where digits are in each frame, (n, T, 2), and which of four ways they go."""
    chance, room = generator_for(seed, "clips", which), SIZE - SIZE // 2
    along = torch.randint(0, room - TRAVEL + 1, (count,), generator=chance)
    across = torch.randint(0, room + 1, (count,), generator=chance)
    direction = torch.randint(0, 4, (count,), generator=chance)  # up, down, left, right
    moved = torch.arange(FRAMES) * TRAVEL / (FRAMES - 1)
    line = along[:, None] + moved.round().long()
    line = torch.where(direction[:, None] % 2 == 0, line.flip(1), line)
    other, is_vertical = across[:, None].expand_as(line), (direction < 2)[:, None]
    rows = torch.where(is_vertical, line, other)
    return torch.stack([rows, torch.where(is_vertical, other, line)], -1), direction


def render(digits, corners):
    """Digits at half their size at the corners of each frame: clips (B, T, 1, S, S)."""
    small, place = F.avg_pool2d(digits, 2), torch.arange(SIZE // 2)
    clips = digits.min().expand(len(digits), FRAMES, SIZE, SIZE).clone()
    rows, columns = corners[..., 0, None] + place, corners[..., 1, None] + place
    clip, frame = torch.arange(len(digits))[:, None, None, None], torch.arange(FRAMES)
    clips[clip, frame[:, None, None], rows[..., None], columns[:, :, None]] = small
    return clips.unsqueeze(2)


#? moving-direction
corners, y_train = paths(len(y_train), SEED, "train")
test_corners, y_test = paths(TEST, 0, "test")
#.
#? moving-digits
corners, _ = paths(len(y_train), SEED, "train")
test_corners, y_test = paths(TEST, 0, "test")[0], y_test[:TEST]
#.
x_test = render(x_test[:TEST], test_corners)
#? scheme-lsuv
x_val = render(x_val[:VALIDATION], paths(VALIDATION, SEED, "validation")[0])
#.
'''

SEQUENCES = '''
def draw(count, *purpose):
    """Sources beside what is written so far, (n, 2, L), and what is to be written."""
    shape, chance = (count, LENGTH), generator_for(*purpose)
    source = torch.randint(1, VOCABULARY, shape, generator=chance)
    labels = source #? copy
    labels = source.flip(1) #? reverse
    written = F.pad(labels[:, :-1], (1, 0))  # symbol 0 starts every sequence
    return torch.stack([source, written], dim=1), labels


x_test, y_test = draw(TEST, 0, "sequences", TEST)
x_val, _ = draw(VALIDATION, 0, "sequences", VALIDATION) #? scheme-lsuv
x_train, y_train = draw(EXAMPLES, SEED, "sequences", "train") #? subset
'''

BATCHES = '''
def batches():
    #? sequences !subset
    """Batches without end, of sequences drawn for them; EXAMPLES are an epoch."""
    for epoch in itertools.count():
        for start in range(0, EXAMPLES, BATCH):
            yield draw(min(BATCH, EXAMPLES - start), SEED, "sequences", epoch, start)
    #.
    #? images|clips|subset
    """Batches without end; each epoch has an order of its own."""
    for epoch in itertools.count():
        chance = generator_for(SEED, "batches", epoch)
        for rows in torch.randperm(len(y_train), generator=chance).split(BATCH):
            yield x_train[rows], y_train[rows] #? !clips
            yield render(x_train[rows], corners[rows]), y_train[rows] #? clips
    #.
'''
