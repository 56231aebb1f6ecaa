"""The linear layer of every model."""

import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Linear):
    """nn.Linear, faster on one core: torch's writes the bias into the result before the product, which reads it back."""

    def forward(self, x: Tensor) -> Tensor:  # (..., in_features) -> (..., out_features)
        product = F.linear(x, self.weight)
        return product if self.bias is None else product.add_(self.bias)
